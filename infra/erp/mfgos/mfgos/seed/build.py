# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the template database: modules first, then the plant in one transaction."""
from trytond import backend
from trytond.modules import register_classes

from . import master, orders, people
from .activate import activate, alone
from .catalogue import Plant
from .freshen import mark


def build(database_name, catalogue, anchor, report):
    """Activate mfgos in the empty database and seed the plant, reporting each step."""
    register_classes()
    activate(database_name, ['mfgos'], report)
    fill(database_name, Plant.load(catalogue, anchor), report)


def fill(database_name, plant, report):
    """Seed the plant into a database with activated modules."""
    with alone(database_name, 0) as transaction:
        report("company, machines, products")
        company = master.company(plant)
        with transaction.set_context(company=company.id, companies=[company.id], language='en'):
            seed(plant, company, report)
        transaction.tasks.clear()
        transaction.commit()
    with alone(database_name, 0) as transaction:
        cursor = transaction.connection.cursor()
        cursor.execute('DELETE FROM ir_queue')
        mark(cursor, plant)
        transaction.commit()
    backend.Database(database_name).close()
    report("the plant is in the ERP")


def seed(plant, company, report):
    """Create everything of the catalogue, in the order of its dependencies."""
    warehouse = master.places(plant)
    centers, categories = master.work_centers(plant, company, warehouse)
    products = master.products(plant)
    boms = master.boms(plant, products)
    routings = master.routings(plant, products, boms, centers, categories)
    report("lots, customers, sales")
    lots = master.lots(plant, products, company, warehouse)
    master.controls(plant, products, company)
    sales = orders.sales(plant, orders.customers(plant), products, company, warehouse)
    report("production orders")
    orders.productions(plant, products, boms, routings, centers, sales, lots)
    report("shipments and users")
    orders.process(sales)
    people.users(company)

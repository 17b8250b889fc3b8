# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers, sales and production orders of the plant."""
from decimal import Decimal

from trytond.pool import Pool

SALE_CLASSES = {'key': "Key customer", 'standard': "Standard customer"}


def customers(plant):
    """Create the customers with an address; return {customer id: party}."""
    pool = Pool()
    Category = pool.get('party.category')
    classes = sorted({c['class'] for c in plant['customers']})
    categories = dict(zip(classes, Category.create([{'name': SALE_CLASSES[c]} for c in classes]), strict=True))
    parties = pool.get('party.party').create([{
                'name': c['title'], 'code': c['id'], 'categories': [('add', [categories[c['class']].id])],
                'addresses': [('create', [{'street': "Industrial Estate 1"}])],
                } for c in plant['customers']])
    return {c['id']: p for c, p in zip(plant['customers'], parties, strict=True)}


def sale_values(party, reference, lines, shipping_date, promised_at, company, warehouse, comment=None):
    """Return the values of a draft sale; ``lines``: [(product, quantity, unit price)]."""
    return {
        'company': company.id, 'currency': company.currency.id, 'party': party.id, 'reference': reference,
        'invoice_address': party.addresses[0].id, 'shipment_address': party.addresses[0].id,
        'warehouse': warehouse.id, 'invoice_method': 'manual', 'shipment_method': 'order',
        'shipping_date': shipping_date, 'promised_at': promised_at, 'comment': comment,
        'lines': [('create', [{
                        'product': product.id, 'quantity': quantity, 'unit': product.sale_uom.id,
                        'unit_price': price} for product, quantity, price in lines])],
        }


def sales(plant, parties, products, company, warehouse):
    """Create and confirm the sales; return {sale id: sale}."""
    Sale = Pool().get('sale.sale')
    created = Sale.create([
            sale_values(
                parties[s['customer']], s['id'],
                [(products[s['material']], s['quantity'], Decimal(plant.material(s['material'])['price']))],
                plant.day(s['promised']), plant.at(s['promised']), company, warehouse)
            for s in plant['sales']])
    for sale in created:
        sale.sale_date = plant.day(0)
    Sale.save(created)
    Sale.quote(created)
    Sale.confirm(created)
    return {s['id']: sale for s, sale in zip(plant['sales'], created, strict=True)}


def productions(plant, products, boms, routings, centers, sales, lots):
    """Create the production orders with works, lots and states; return {job order id: production}."""
    Production = Pool().get('production')
    orders = plant['job_orders']
    planned = Production.plan([
            _order(plant, o, products, boms, routings, centers, sales) for o in orders])
    Production.wait(planned)
    found = {o['id']: p for o, p in zip(orders, Production.browse([p.id for p in planned]), strict=True)}
    _schedule(plant, found, centers)
    _use_lots(plant, found, lots)
    _advance(plant, found)
    return found


def _order(plant, order, products, boms, routings, centers, sales):
    material, ops = order['material'], order['ops']
    line = sales[order['sale']].lines[0] if order.get('sale') else None
    return {
        'product': products[material].id, 'bom': boms[material].id, 'routing': routings[material].id,
        'work_center': centers[plant['site']['site']].id, 'unit': products[material].default_uom.id,
        'quantity': order['quantity'], 'reference': order['id'],
        'planned_start_date': plant.day(ops[0][2]), 'planned_date': plant.day(ops[-1][2] + ops[-1][3]),
        'origin': str(line) if line else None,
        }


def _schedule(plant, productions, centers):
    Work = Pool().get('production.work')
    to_write = []
    for order in plant['job_orders']:
        works = {w.sequence: w for w in productions[order['id']].works}
        for seq, unit, start, minutes in order['ops']:
            to_write.extend(([works[seq]], {
                        'work_center': centers[unit].id,
                        'planned_start': plant.at(start), 'planned_end': plant.at(start + minutes)}))
    Work.write(*to_write)


def _use_lots(plant, productions, lots):
    Move = Pool().get('stock.move')
    to_write = []
    for order in plant['job_orders']:
        to_write.extend((list(productions[order['id']].inputs), {'lot': lots[order['lot']].id}))
    Move.write(*to_write)


def _advance(plant, productions):
    """Bring the orders into their states: released = material reserved, running = material used, first work begun."""
    pool = Pool()
    Production, Work = pool.get('production'), pool.get('production.work')

    def of(*states):
        ids = [productions[o['id']].id for o in plant['job_orders'] if o['state'] in states]
        return Production.browse(ids)

    Production.assign_try(of('released', 'running'))
    Production.run(of('running'))
    started = [o for o in plant['job_orders'] if o['state'] == 'running']
    begun = {(o['id'], op[0]) for o in started for op in o['ops'] if op[2] < 0}
    Work.start([
            w for o in started for w in Production(productions[o['id']].id).works if (o['id'], w.sequence) in begun])


def process(sales):
    """Let Tryton process the sales, which makes their shipments."""
    Sale = Pool().get('sale.sale')
    Sale.process(Sale.browse([s.id for s in sales.values()]))

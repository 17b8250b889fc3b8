# SPDX-License-Identifier: GPL-3.0-or-later
"""mfgos-seed: build the template database, or make a clone current."""
import argparse
import datetime as dt
import json
import sys
import time


def main():
    """Run one command: ``template`` or ``freshen``."""
    parser = argparse.ArgumentParser(prog='mfgos-seed', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    template = commands.add_parser('template', help="activate the modules in an empty database and fill it")
    template.add_argument('--config', required=True, help="trytond.conf")
    template.add_argument('--database', required=True)
    template.add_argument('--catalogue', required=True, help="JSON file")
    template.add_argument('--anchor', required=True, type=_moment, help="ISO 8601 with time zone")
    freshen = commands.add_parser('freshen', help="move all dates of a clone and set its passwords")
    freshen.add_argument('--uri', required=True, help="PostgreSQL URI of the clone")
    freshen.add_argument('--anchor', required=True, type=_moment, help="ISO 8601 with time zone")
    freshen.add_argument('--passwords', help="JSON file {login: password}")
    options = parser.parse_args()
    (_template if options.command == 'template' else _freshen)(options)


def _moment(text):
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("give a time zone, such as +00:00")
    return moment


def _template(options):
    started = time.monotonic()

    def report(text):
        print(f"{time.monotonic() - started:5.1f} s  {text}", file=sys.stderr, flush=True)

    from trytond import config
    config.update_etc(options.config)
    from .build import build
    build(options.database, options.catalogue, options.anchor, report)


def _freshen(options):
    from .freshen import freshen
    passwords = {}
    if options.passwords:
        with open(options.passwords, encoding='utf-8') as file:
            passwords = json.load(file)
    freshen(options.uri, options.anchor, passwords)

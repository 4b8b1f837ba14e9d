#!/usr/bin/env python3
"""The shop hears what became of its orders.

    pip install pika
    python3 hear_of_orders.py --url amqp://user:password@localhost:5672/%2f

Prints a line for each message of mes.to.shop. --count N ends after N messages.
"""
import argparse
import json


class Orders:
    """What the shop knows. In earnest this is a table, and `note` one transaction."""

    def __init__(self):
        self.versions = {}

    def note(self, message):
        """True when the message says something new. It may come twice; an older one says nothing new."""
        data = message["data"]
        if data["version"] <= self.versions.get(data["order_id"], 0):
            return False
        self.versions[data["order_id"]] = data["version"]
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", default="amqp://guest:guest@localhost:5672/%2f")
    parser.add_argument("--count", type=int)
    arguments = parser.parse_args()

    import pika

    orders = Orders()
    connection = pika.BlockingConnection(pika.URLParameters(arguments.url))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=50)
    heard = 0
    for method, _properties, body in channel.consume("mes.to.shop"):
        message = json.loads(body)
        data = message["data"]
        # The queue also tells what became of your quotes (ru.mes.quote.…): those have numbers of their own.
        if message["type"].startswith("ru.mes.order.") and orders.note(message):
            print(f"{data['external_id']} is {data['status']} ({message['type']})", flush=True)
        # Acknowledge after your own commit: what is not acknowledged comes again.
        channel.basic_ack(method.delivery_tag)
        heard += 1
        if heard == arguments.count:
            break
    channel.cancel()
    connection.close()


if __name__ == "__main__":
    main()

"""A mail server for tests: takes mails and prints each as a line of JSON. With the argument `greylist` it refuses every
recipient once with 451, as greylisting does. The first line says on which port it listens."""

import asyncio
import email
import email.policy
import json
import socket
import sys

from aiosmtpd.smtp import SMTP


class Sink:
    def __init__(self):
        self.seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "greylist" in sys.argv and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: message.get_body((kind,)).get_content()
        say({"to": envelope.rcpt_tos, "from": envelope.mail_from, "subject": message["subject"], "id": message["message-id"],
             "text": part("plain"), "html": part("html")})
        return "250 OK"


def say(value):
    print(json.dumps(value), flush=True)


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    sink = Sink()
    server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), sock=listener)
    say({"port": listener.getsockname()[1]})
    # Ends when the test closes the input.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())

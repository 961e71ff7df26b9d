"""An SMTP server for tests, made of aiosmtpd: keeps every message as one line of JSON.

Usage: mail_server.py SINK BEHAVIOUR {none|starttls|tls} CERTIFICATE KEY [USER PASSWORD]
Prints its port. BEHAVIOUR is a file that may hold one SMTP reply ("451 try later"), given instead of taking the mail,
or "rcpt REPLY", given to every recipient, or "slow SECONDS".
"""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Sink:
    def __init__(self, sink, behaviour):
        self.sink, self.behaviour = sink, behaviour

    def told(self):
        return open(self.behaviour, encoding="utf-8").read().strip() if os.path.exists(self.behaviour) else ""

    async def handle_RCPT(self, server, session, envelope, address, options):
        told = self.told()
        if told.startswith("rcpt "):
            return told.removeprefix("rcpt ")
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, server, session, envelope):
        told = self.told()
        if told.startswith("slow "):
            await asyncio.sleep(float(told.removeprefix("slow ")))
        elif told:
            return told
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = message.get_body(preferencelist=("plain", "html"))
        html = message.get_body(preferencelist=("html",))
        entry = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": message["subject"] or "",
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": text.get_content() if text else "",
            "html": html.get_content() if html else "",
            "client_port": session.peer[1],
            "encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "authenticated": bool(session.authenticated),
        }
        with open(self.sink, "a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")
        return "250 taken"


def server_factory(handler, security, context, credentials):
    """aiosmtpd's own Controller insists on a fixed port; a protocol factory does not."""
    starttls = security == "starttls"

    def authenticate(server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == credentials
        return AuthResult(success=known, handled=False)

    return lambda: SMTP(
        handler,
        hostname="localhost",
        tls_context=context if starttls else None,
        require_starttls=starttls,
        authenticator=authenticate if credentials else None,
        auth_required=bool(credentials),
        auth_require_tls=starttls,
    )


async def main():
    sink, behaviour, security, certificate, key, *credentials = sys.argv[1:]
    context = None
    if security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
    factory = server_factory(Sink(sink, behaviour), security, context, tuple(credentials))
    implicit = context if security == "tls" else None
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=implicit)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())

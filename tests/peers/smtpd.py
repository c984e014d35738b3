"""An SMTP server with AUTH, by aiosmtpd; mails are read by Python's own `email` package.

Neither is what Jackfield sends with. It takes mail for every address, but for recipients whose name
begins with `grey` (450, the first time), `busy` (450, always) or `nobody` (550), and for mails with
`REFUSE` in the subject (554 at the end of DATA). It prints {"port": N}; then, for every line of
input, what arrived so far.
"""

import asyncio
import base64
import email
import email.policy
import json
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = sys.argv[1], sys.argv[2]


class Handler:
    def __init__(self):
        self.mails = []
        self.tried = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        self.tried[address] = self.tried.get(address, 0) + 1
        if name.startswith("busy") or (name.startswith("grey") and self.tried[address] == 1):
            return "450 4.2.0 mailbox busy, try again later"
        if name.startswith("nobody"):
            return "550 5.1.1 there is no such user here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 taken"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if "REFUSE" in (mail["subject"] or ""):
            return "554 5.6.0 this content is not taken"
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 kept"


class Guard:
    """Judges logins, and counts them."""

    def __init__(self):
        self.good = 0
        self.bad = 0

    def __call__(self, server, session, envelope, mechanism, login):
        good = login.login == USER.encode() and login.password == PASSWORD.encode()
        self.good += good
        self.bad += not good
        return AuthResult(success=good, handled=False)


def read(sender, recipients, content):
    mail = email.message_from_bytes(content, policy=email.policy.default)
    parts = []
    for part in mail.walk():
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        parts.append({
            "type": part.get_content_type(),
            "disposition": part.get_content_disposition(),
            "name": part.get_filename(),
            "charset": part.get_content_charset(),
            "text": part.get_content() if part.get_content_maintype() == "text" else None,
            "base64": base64.b64encode(payload).decode(),
            "defects": [repr(defect) for defect in part.defects],
        })
    addresses = lambda header: [
        {"name": one.display_name, "address": one.addr_spec} for one in header.addresses
    ] if header else []
    return {
        "sender": sender,
        "recipients": recipients,
        "headers": {name.lower(): str(value) for name, value in mail.items()},
        "names": [name.lower() for name in mail.keys()],
        "from": addresses(mail["from"]),
        "to": addresses(mail["to"]),
        "cc": addresses(mail["cc"]),
        "reply-to": addresses(mail["reply-to"]),
        "subject": str(mail["subject"]),
        "type": mail.get_content_type(),
        "tree": [part.get_content_type() for part in mail.walk()],
        "parts": parts,
        "defects": [repr(defect) for defect in mail.defects],
        "raw": content.decode("utf-8", "backslashreplace"),
    }


def main():
    handler, guard = Handler(), Guard()
    started = threading.Event()
    place = {}

    def serve():
        loop = asyncio.new_event_loop()
        make = lambda: SMTP(
            handler, authenticator=guard, auth_required=True, auth_require_tls=False,
            enable_SMTPUTF8=True, loop=loop,
        )
        server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0))
        place["port"] = server.sockets[0].getsockname()[1]
        started.set()
        loop.run_forever()

    threading.Thread(target=serve, daemon=True).start()
    started.wait()
    print(json.dumps(place), flush=True)
    for _ in sys.stdin:
        print(json.dumps({
            "mails": [read(*mail) for mail in list(handler.mails)],
            "tried": handler.tried,
            "logins": {"good": guard.good, "bad": guard.bad},
        }), flush=True)


main()

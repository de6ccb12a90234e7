"""Notices by mail, where a server is set up: that there is something to look at, never what.

A mail that nobody took over is tried again at the next look; one is never called sent that no server accepted.
"""

from __future__ import annotations

import smtplib
import ssl
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.parts import Parts
from app.settings import Settings
from models.accounts import Account
from models.base import utc_now
from models.notices import Notice
from models.stories import TellerContact

log = structlog.get_logger()

AT_ONCE = 50
TIMEOUT_SECONDS = 20.0
SENT_WITHIN = timedelta(days=3)
SUBJECT = "There is something for you to look at"
TO_COLLEAGUES = "There is a new notice for you. Sign in to read it:\n\n{address}/notices\n"
TO_TELLERS = (
    "There is something new about the story that you are in.\n"
    "Open your private link to read it. If you have lost it, ask whoever recorded your story for a new one.\n"
)


def send_waiting(parts: Parts) -> int:
    """Send what waits to those whose address is known; how many a server took over. Nothing where none is set up.

    :raises OSError: the server cannot be reached, or refused everything (smtplib's errors are of this kind)
    """
    settings = parts.settings
    if not settings.smtp_host:
        return 0
    with parts.database.read() as session:
        waiting = [
            (notice.id, _address_of(session, notice), _body(settings, notice)) for notice in _waiting(session)
        ]
    mails = [(notice_id, address, body) for notice_id, address, body in waiting if address]
    if not mails:
        return 0
    sent = 0
    with _connected(settings) as server:
        for notice_id, address, body in mails:
            try:
                server.send_message(_message(settings, address, body))
            except smtplib.SMTPRecipientsRefused:
                log.warning("mail refused", notice=notice_id)
                continue
            with parts.database.write() as session:
                session.get_one(Notice, notice_id).sent_at = utc_now()
            sent += 1
    return sent


def _waiting(session: Session) -> list[Notice]:
    """What nobody has read or sent, to those who may have an address; not what was made before mail was set up."""
    may_have_one = or_(Account.sign_in_name.contains("@"), TellerContact.contact.contains("@"))
    query = (
        select(Notice)
        .outerjoin(Account, Account.id == Notice.account_id)
        .outerjoin(TellerContact, TellerContact.person_id == Notice.person_id)
        .where(Notice.sent_at.is_(None), Notice.read_at.is_(None), may_have_one)
        .where(Notice.made_at > utc_now() - SENT_WITHIN)
    )
    return list(session.scalars(query.order_by(Notice.made_at, Notice.id).limit(AT_ONCE)))


def _address_of(session: Session, notice: Notice) -> str | None:
    """An account signs in by its address where that is one; a teller may have left theirs as contact."""
    if notice.account_id is not None:
        account = session.get(Account, notice.account_id)
        known = account.sign_in_name if account and account.is_active else ""
    else:
        contact = session.get(TellerContact, notice.person_id)
        known = contact.contact.strip() if contact else ""
    return known if _is_address(known) else None


def _is_address(text: str) -> bool:
    name, at, host = text.partition("@")
    return bool(name and at and "." in host) and not any(each.isspace() or each in '<>,;"' for each in text)


def _body(settings: Settings, notice: Notice) -> str:
    return TO_COLLEAGUES.format(address=settings.base_url) if notice.account_id else TO_TELLERS


def _message(settings: Settings, address: str, body: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = SUBJECT, settings.smtp_from, address
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="community-reporting.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    return message


def _connected(settings: Settings) -> smtplib.SMTP:
    assert settings.smtp_host is not None
    context = ssl.create_default_context()
    if settings.smtp_tls == "implicit":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS)
        if settings.smtp_tls == "starttls":
            server.starttls(context=context)
    if settings.smtp_user and settings.smtp_password:
        server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    return server

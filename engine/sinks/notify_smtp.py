"""Notices in, mail out, over TLS or with STARTTLS; a thread's work, since smtplib waits."""

from __future__ import annotations

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal, assert_never

from engine.sinks.notice import Notice, NotSent, lines_of, plain, subject_of
from engine.sinks.notify_dial import dialled

Tls = Literal["starttls", "tls", "none"]

STEPS = 6
"""A mail may take as many times what one step of it may."""
MOST_PARTLY = 1000
"""How many notices are remembered that some have and others not."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends from *sender* to *to* through the server at *host*, in which *user* may log in."""

    host: str
    port: int
    tls: Tls
    user: str
    password: str
    sender: str
    to: tuple[str, ...]
    timeout: float
    context: ssl.SSLContext
    partly: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)
    """Who has a notice, by its id, that the server did not take for all."""

    def send(self, notice: Notice) -> None:
        """Return when the server has taken it for everybody. Raises NotSent.

        Tried again, it goes to those who have not got it.
        """
        have = self.partly.get(notice.id, frozenset())
        left = [one for one in self.to if one not in have]
        try:
            whole = STEPS * self.timeout
            with (
                dialled(self.host, self.port, self.timeout, whole) as dial,
                self._connected(dial) as line,
            ):
                if self.user:
                    line.login(self.user, self.password)
                message = message_of(notice, self.sender, self.to)
                refused = line.send_message(message, to_addrs=left)
        except ssl.SSLError as error:
            raise NotSent(f"TLS: {error.reason or error}") from None
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"the mail server answers {error.smtp_code}") from None
        except smtplib.SMTPException as error:
            raise NotSent(f"mail: {type(error).__name__}") from None
        except OSError as error:
            raise NotSent(error.strerror or str(error) or type(error).__name__) from None
        except ValueError:  # What smtplib is to answer is no base64, or its answer no ASCII.
            raise NotSent("mail: the login cannot be made with this server") from None
        if refused:
            self._remember(notice.id, frozenset(self.to).difference(refused))
            raise NotSent(f"the mail server refuses {len(refused)} of the addresses")
        self.partly.pop(notice.id, None)

    def _remember(self, notice: str, have: frozenset[str]) -> None:
        """Note who has a notice; the one that was noted first is forgotten when there are many."""
        self.partly[notice] = have
        if len(self.partly) > MOST_PARTLY:
            del self.partly[next(iter(self.partly))]

    def _connected(self, dial: socket.socket) -> smtplib.SMTP:
        match self.tls:
            case "tls":
                wrapped = self.context.wrap_socket(dial, server_hostname=self.host)
                return Session(wrapped, self.host, self.port, self.timeout)
            case "starttls":
                line = Session(dial, self.host, self.port, self.timeout)
                try:
                    line.starttls(context=self.context)
                except (smtplib.SMTPException, OSError):
                    line.close()
                    raise
                return line
            case "none":
                return Session(dial, self.host, self.port, self.timeout)
            case _:
                assert_never(self.tls)


class Session(smtplib.SMTP):
    """Speaks over the connection *dial* instead of one that it makes."""

    def __init__(self, dial: socket.socket, host: str, port: int, timeout: float) -> None:
        """Hear the greeting. Raises OSError and SMTPException."""
        self._dial = dial
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, *_: object) -> socket.socket:
        return self._dial


def message_of(notice: Notice, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Return the mail. What comes twice has the same ``Message-ID``."""
    made = EmailMessage()
    made["Subject"] = plain(subject_of(notice))
    made["From"] = sender
    made["To"] = ", ".join(to)
    made["Date"] = format_datetime(datetime.fromisoformat(notice.time).astimezone(UTC))
    made["Message-ID"] = f"<{notice.id}@pol-engine.invalid>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("\n".join(map(plain, lines_of(notice))) + "\n")
    return made

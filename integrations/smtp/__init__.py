"""Mail by a mail server as a way of paging."""

from integrations.smtp.mail_server import MailServer, Security, SmtpMail

__all__ = ["MailServer", "Security", "SmtpMail"]

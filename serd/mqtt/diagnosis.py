"""Causes of failures between serd and a broker, in words that say what to do."""

import errno
import socket
import ssl
from datetime import UTC, datetime
from typing import Final

CONNECTION_REFUSED: Final = "connection refused, no broker runs there"
CONNECTION_LOST: Final = "the connection was lost"
_QUESTIONS: Final = (
    "is it an MQTT broker, is TLS set on both sides or on neither, and is [mqtt] transport the one of"
    " this port?"
)
NOT_MQTT: Final = f"closed before it answered; {_QUESTIONS}"
NO_ANSWER: Final = f"no answer; {_QUESTIONS}"
_NOT_AUTHORIZED: Final = frozenset({"not authorized", "bad user name or password"})


def describe_connection_error(error: OSError) -> str:
    """Why a connection could not be opened."""
    match error:
        case ConnectionRefusedError():
            cause = CONNECTION_REFUSED
        case ConnectionResetError():
            cause = NOT_MQTT
        case ConnectionError() if "WebSocket" in str(error):
            cause = (
                "it does not speak websockets on this port; use its port for them, set [mqtt]"
                ' websocket_path, or set transport = "tcp"'
            )
        case TimeoutError():
            cause = "no answer in time"
        case socket.gaierror():
            cause = "the host name is not known"
        case ssl.SSLCertVerificationError():
            cause = _describe_certificate_error(error, datetime.now(UTC))
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
            cause = "it does not speak TLS on this port; turn [mqtt] tls off or use its TLS port"
        case ssl.SSLError():
            cause = f"TLS failed ({error.reason or error})"
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            cause = "no route to this host; is the network up?"
        case _:
            cause = error.strerror or str(error)
    return cause


def _describe_certificate_error(error: ssl.SSLCertVerificationError, now: datetime) -> str:
    """Why a certificate is not accepted, and what to do about it."""
    clock = f"this machine's clock, which says {now:%Y-%m-%d}, is right"
    match error.verify_code:
        case 9 | 13:  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD
            advice = f"check that {clock}"
        case 10 | 14:  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD
            advice = f"renew it at the broker, if {clock}"
        case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
            advice = "set [mqtt] host to a name that is in the certificate"
        case 2 | 18 | 19 | 20 | 21:  # no chain from the certificate to an authority that is trusted
            advice = "[mqtt] ca_file must name the authority that signed it"
        case _:
            advice = "replace it at the broker"
    return f"its TLS certificate is not accepted ({error.verify_message}); {advice}"


def describe_login_refusal(reason_code: str) -> str:
    """Why a connection was refused, from the name of the broker's reason code."""
    if reason_code.lower() in _NOT_AUTHORIZED:
        return "not authorised; check [mqtt] user and password"
    if reason_code.lower() == "unsupported protocol version":
        return "it does not speak this version of MQTT; set [mqtt] protocol to the other one"
    return lower_first(reason_code)


def describe_access_refusal(reason_code: str) -> str:
    """Why a message or subscription was refused, from the name of the broker's reason code."""
    if reason_code.lower() == "not authorized":
        return "not authorised; its access rules must allow it"
    return lower_first(reason_code)


def lower_first(text: str) -> str:
    """A text with a small first letter, for the middle of a sentence."""
    return text[:1].lower() + text[1:]

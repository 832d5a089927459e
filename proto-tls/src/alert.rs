//! What an alert of the peer (RFC 8446 section 6.2) says of the mistake.

use crate::error::{Side, TlsProblem};
use rustls::AlertDescription as Alert;

/// What the peer's alert means. `identified`: we have a certificate to present.
pub(crate) fn problem(us: Side, alert: Alert, identified: bool) -> TlsProblem {
    match alert {
        Alert::NoApplicationProtocol => TlsProblem::NoHttp2,
        // Later it is the end, and no error.
        Alert::CloseNotify => TlsProblem::ClosedInHandshake,
        Alert::CertificateRequired => TlsProblem::CertificateRequired,
        Alert::UnrecognisedName if us == Side::Client => TlsProblem::NameUnknown,
        Alert::ProtocolVersion | Alert::InsufficientSecurity | Alert::HandshakeFailure => TlsProblem::Incompatible,
        // TLS 1.2 has no alert of its own for a certificate that is missing.
        Alert::BadCertificate | Alert::NoCertificate if us == Side::Client && !identified => {
            TlsProblem::CertificateRequired
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
            if identified =>
        {
            TlsProblem::CertificateRefused(text(alert))
        }
        other => TlsProblem::Alert(text(other)),
    }
}

fn text(alert: Alert) -> &'static str {
    match alert {
        Alert::UnexpectedMessage => "it did not expect that message (unexpected_message)",
        Alert::BadRecordMac => "a record was changed on the way (bad_record_mac)",
        Alert::RecordOverflow => "a record was too long (record_overflow)",
        Alert::DecodeError => "it could not read a message (decode_error)",
        Alert::DecryptError => "a signature or key did not check out (decrypt_error)",
        Alert::IllegalParameter => "a field was out of range (illegal_parameter)",
        Alert::InternalError => "a fault of its own (internal_error)",
        Alert::UserCanceled => "somebody cancelled it (user_canceled)",
        Alert::BadCertificate => "it is corrupt or wrongly signed (bad_certificate)",
        Alert::UnsupportedCertificate => "its type is not supported (unsupported_certificate)",
        Alert::CertificateRevoked => "it has been revoked (certificate_revoked)",
        Alert::CertificateExpired => "it has expired, or is not valid yet (certificate_expired)",
        Alert::CertificateUnknown => "no reason given (certificate_unknown)",
        Alert::UnknownCA => "nobody whom it trusts has issued it (unknown_ca)",
        Alert::AccessDenied => "it is valid, but has no access (access_denied)",
        Alert::ProtocolVersion => "the TLS version (protocol_version)",
        Alert::HandshakeFailure => "no settings in common (handshake_failure)",
        Alert::InsufficientSecurity => "our ciphers are too weak for it (insufficient_security)",
        Alert::MissingExtension => "an extension is missing (missing_extension)",
        Alert::UnsupportedExtension => "an extension that it does not take (unsupported_extension)",
        Alert::UnrecognisedName => "it does not know that name (unrecognized_name)",
        Alert::CertificateRequired => "a certificate is required (certificate_required)",
        Alert::NoApplicationProtocol => "no protocol in common (no_application_protocol)",
        _ => "an alert without a name here",
    }
}

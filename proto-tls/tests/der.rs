//! Certificates and keys as DER, where other tests have PEM: at both ends, for what is shown and for what is trusted.

mod support;

use proto_tls::{ClientTls, ServerTls};
use support::Pair;

#[test]
fn both_ends_take_der_and_see_each_others_certificates() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("the system has random numbers");
    let (certificate, key) = (made.cert.der().to_vec(), made.signing_key.serialize_der());
    let client = ClientTls::new().with_roots_der([certificate.clone()]);
    let client = client.with_identity_der([certificate.clone()], key.clone());
    let server = ServerTls::from_der([certificate.clone()], key).with_client_roots_der([certificate.clone()]);
    let mut pair = Pair::new(client, server);
    assert!(matches!(pair.carry(), (None, None)));
    for end in [&pair.client, &pair.server] {
        assert!(end.is_established());
        assert_eq!(end.certificates(), std::slice::from_ref(&certificate));
    }
}

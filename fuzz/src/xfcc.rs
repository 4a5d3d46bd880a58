//! Values of `x-forwarded-client-cert`.

use mtls_policy::cert::{Fingerprint, forwarded, xfcc};

/// Reads `data` as a value of the header, on the connection that its last element names.
pub fn run(data: &[u8]) {
    let Ok(elements) = xfcc::parse(data) else {
        let any = Fingerprint::of(b"");
        assert!(forwarded::from_xfcc(&[data], any).is_err(), "a certificate from a header that is none");
        return;
    };
    assert!(elements.len() <= xfcc::MAX_ELEMENTS);
    let hash = elements.last().and_then(|element| element.hash.as_ref());
    let Some(connection) = hash.and_then(|hash| Fingerprint::from_hex(hash)) else { return };
    if let Ok(certificate) = forwarded::from_xfcc(&[data], connection) {
        assert_eq!(Fingerprint::of(certificate.der()), connection, "a certificate of another connection");
        assert_eq!(certificate.fingerprint(), connection);
    }
    assert!(forwarded::from_xfcc(&[data, data], connection).is_err(), "one of two headers was chosen");
}

//! The checks of this folder can fail: a filter that traps does not pass them.

use super::{GOOD, HOST, with_line};
use crate::harness::{Envoy, Pki, Setup, trapping_module};

const NOT_TEXT: &[u8] = b"x-odd: \xff";

#[tokio::test]
async fn a_filter_that_reads_headers_as_text_is_caught_by_the_check_that_ours_passes() {
    let pki = Pki::new();
    let trapping = Envoy::start(Setup::new(&pki).module(trapping_module()).workers(1)).await;
    let ours = Envoy::start(Setup::new(&pki).policy(super::policy()).workers(1)).await;
    let billing = pki.ca.leaf("billing").spiffe(super::BILLING).mint();
    for envoy in [&trapping, &ours] {
        assert_eq!(envoy.client().presents(&billing).get(GOOD).await.status, 200);
        assert_eq!(envoy.trap_evidence().await, [""; 0], "before the hostile request");
    }

    let reply = trapping.client().raw(HOST, &with_line(NOT_TEXT)).await.unwrap();
    assert_eq!(reply.status, Some(503), "{reply:?}");
    trapping.wait_for_log("Function: proxy_on_request_headers").await;
    let _ = trapping.client().presents(&billing).get(GOOD).await;
    let evidence = trapping.trap_evidence().await;
    let shown = |text: &str| evidence.iter().any(|line| line.contains(text));
    assert!(shown("Function: proxy_on_request_headers"), "{evidence:#?}");
    // Loaded anew, or put off because that was tried a moment ago.
    assert!(shown("vm_reload_success: ") || shown("vm_reload_backoff: "), "{evidence:#?}");

    let reply = ours.client().raw(HOST, &with_line(NOT_TEXT)).await.unwrap();
    assert_eq!(reply.status, Some(200), "{reply:?}");
    assert_eq!(ours.client().presents(&billing).get(GOOD).await.status, 200);
    assert_eq!(ours.trap_evidence().await, [""; 0], "after the hostile request");
}

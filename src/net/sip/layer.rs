//! What the trunk asks of us outside and inside of calls.

use ezk_sip_core::{Endpoint, EndpointBuilder, IncomingRequest, Layer, MayTake};
use ezk_sip_types::header::typed::Accept;
use ezk_sip_types::{Method, StatusCode};
use ezk_sip_ua::dialog::Usage;
use tokio::sync::mpsc;

use super::invite::Signal;

/// Answers requests that belong to no call: keepalives, and calls to us, which we take none of.
pub(crate) struct TrunkLayer;

#[async_trait::async_trait]
impl Layer for TrunkLayer {
    fn name(&self) -> &'static str {
        "trunk"
    }

    fn init(&mut self, endpoint: &mut EndpointBuilder) {
        for method in [
            Method::INVITE,
            Method::ACK,
            Method::CANCEL,
            Method::BYE,
            Method::OPTIONS,
            Method::UPDATE,
            Method::INFO,
        ] {
            endpoint.add_allow(method);
        }
    }

    async fn receive(&self, endpoint: &Endpoint, request: MayTake<'_, IncomingRequest>) {
        let in_dialog = request.base_headers.to.tag.is_some();
        if request.line.method == Method::OPTIONS {
            answer(endpoint, request.take(), StatusCode::OK).await;
        } else if request.line.method == Method::INVITE && !in_dialog {
            answer(
                endpoint,
                request.take(),
                StatusCode::TEMPORARILY_UNAVAILABLE,
            )
            .await;
        }
    }
}

/// Hands the requests inside one dialog to its call.
pub(crate) struct CallUsage {
    pub(crate) signals: mpsc::Sender<Signal>,
}

#[async_trait::async_trait]
impl Usage for CallUsage {
    fn name(&self) -> &'static str {
        "call"
    }

    async fn receive(&self, _endpoint: &Endpoint, mut request: MayTake<'_, IncomingRequest>) {
        // A call that does not keep up loses the request; the peer repeats it.
        if let Ok(place) = self.signals.try_reserve()
            && let Some(taken) = request.inner().take()
        {
            place.send(Signal::Request(Box::new(taken)));
        }
    }
}

/// Answers a request with a bare final status.
pub(crate) async fn answer(endpoint: &Endpoint, mut request: IncomingRequest, code: StatusCode) {
    if request.line.method == Method::ACK {
        return;
    }
    let mut response = endpoint.create_response(&request, code, None);
    if request.line.method == Method::OPTIONS {
        response.msg.headers.insert_named(endpoint.allowed());
        response
            .msg
            .headers
            .insert_named(&Accept("application/sdp".into()));
    }
    let result = if request.line.method == Method::INVITE {
        let transaction = endpoint.create_server_inv_tsx(&mut request);
        transaction.respond_failure(response).await
    } else {
        let transaction = endpoint.create_server_tsx(&mut request);
        transaction.respond(response).await
    };
    if let Err(error) = result {
        tracing::debug!(%error, "answer to the trunk not delivered");
    }
}

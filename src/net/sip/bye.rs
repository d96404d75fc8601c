//! Requests that we send inside a call: ACK, CANCEL, BYE.

use std::sync::Arc;

use ezk_sip_core::transaction::{TsxKey, TsxResponse};
use ezk_sip_core::transport::{OutgoingParts, OutgoingRequest};
use ezk_sip_core::{Endpoint, Error, Request};
use ezk_sip_types::header::typed::{CSeq, MaxForwards};
use ezk_sip_types::msg::RequestLine;
use ezk_sip_types::{Headers, Method, Name};
use ezk_sip_ua::dialog::Dialog;

use super::auth::Authentication;
use super::trunk::Shared;

/// The ACK of a 2xx: in the dialog, with the INVITE's credentials (RFC 3261 section 22.1) and
/// number. Sent once here; the caller keeps it for repeated answers.
pub(crate) async fn acknowledge(
    dialog: &Dialog,
    invite: &OutgoingRequest,
) -> Result<OutgoingRequest, Error> {
    let cseq: CSeq = invite.msg.headers.get_named()?;
    let mut request = dialog.create_request(Method::ACK, Some(cseq.cseq));
    for name in [Name::AUTHORIZATION, Name::PROXY_AUTHORIZATION] {
        if invite.msg.headers.contains(&name) {
            invite.msg.headers.clone_into(&mut request.headers, name)?;
        }
    }
    let endpoint = &dialog.endpoint;
    let mut target = dialog.target_tp_info.lock().await;
    let mut outgoing = endpoint.create_outgoing(request, &mut target).await?;
    let via = endpoint.create_via(
        &outgoing.parts.transport,
        &TsxKey::client(&Method::ACK),
        target.via_host_port.clone(),
    );
    drop(target);
    outgoing.msg.headers.insert_named_front(&via);
    endpoint.send_outgoing_request(&mut outgoing).await?;
    Ok(outgoing)
}

/// Withdraws `invite`: same target, same branch, same number (RFC 3261 section 9.1). Sent once;
/// the caller repeats it until a final answer comes.
pub(crate) async fn cancel(endpoint: &Endpoint, invite: &OutgoingRequest) -> Result<(), Error> {
    let sent = &invite.msg.headers;
    let cseq: CSeq = sent.get_named()?;
    let mut headers = Headers::new();
    for name in [Name::VIA, Name::FROM, Name::TO, Name::CALL_ID] {
        sent.clone_into(&mut headers, name)?;
    }
    if sent.contains(&Name::ROUTE) {
        sent.clone_into(&mut headers, Name::ROUTE)?;
    }
    headers.insert_named(&MaxForwards(70));
    headers.insert_named(&CSeq {
        cseq: cseq.cseq,
        method: Method::CANCEL,
    });
    let mut outgoing = OutgoingRequest {
        msg: Request {
            line: RequestLine {
                method: Method::CANCEL,
                uri: invite.msg.line.uri.clone(),
            },
            headers,
            body: Default::default(),
        },
        parts: OutgoingParts {
            transport: invite.parts.transport.clone(),
            destination: invite.parts.destination,
            buffer: Default::default(),
        },
    };
    endpoint.send_outgoing_request(&mut outgoing).await?;
    Ok(())
}

/// Hangs up, in the background; a challenge is answered.
pub(crate) fn hang_up(shared: &Arc<Shared>, dialog: Arc<Dialog>) {
    let shared = Arc::clone(shared);
    let tracker = shared.stack.last_words.clone();
    tracker.spawn(async move {
        if let Err(error) = send_bye(&shared, &dialog).await {
            tracing::debug!(%error, "BYE was not answered");
        }
    });
}

async fn send_bye(shared: &Shared, dialog: &Dialog) -> Result<(), Error> {
    let mut auth = Authentication::new(shared.config.credentials.as_ref());
    loop {
        let mut request = dialog.create_request(Method::BYE, None);
        auth.authorize(&mut request.headers);
        let sent = request.clone();
        let response = send_in_dialog(dialog, request).await?;
        let challenged = matches!(response.line.code.into_u16(), 401 | 407);
        if !challenged || !auth.handle_challenge(&sent, &response) {
            return Ok(());
        }
    }
}

async fn send_in_dialog(dialog: &Dialog, request: Request) -> Result<TsxResponse, Error> {
    let mut target = dialog.target_tp_info.lock().await;
    let sending = dialog.endpoint.send_request(request, &mut target);
    let mut transaction = sending.await?;
    drop(target);
    transaction.receive_final().await
}

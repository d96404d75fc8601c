//! Takes the calls in.

use std::sync::Arc;

use ezk_sip_core::{Endpoint, EndpointBuilder, IncomingRequest, Layer, MayTake};
use ezk_sip_types::uri::SipUriUserPart;
use ezk_sip_types::{Method, Name, StatusCode};

use super::{Behaviour, Shared, SimCall, SimCallEnd, call, digest};

const REASON: Name = Name::custom("Reason", &["reason"]);

/// The simulated network's own layer, below dialogs and INVITE.
pub(crate) struct SimLayer {
    shared: Arc<Shared>,
}

impl SimLayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait::async_trait]
impl Layer for SimLayer {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn init(&mut self, endpoint: &mut EndpointBuilder) {
        endpoint.add_allow(Method::OPTIONS);
    }

    async fn receive(&self, endpoint: &Endpoint, request: MayTake<'_, IncomingRequest>) {
        let method = request.line.method.clone();
        let in_dialog = request.base_headers.to.tag.is_some();
        if method == Method::INVITE && !in_dialog {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(take_call(shared, endpoint.clone(), request.take()));
        } else if method == Method::OPTIONS || method == Method::REGISTER {
            refuse(endpoint, request.take(), StatusCode::OK, &[]).await;
        }
    }
}

async fn take_call(shared: Arc<Shared>, endpoint: Endpoint, invite: IncomingRequest) {
    let number = called_number(&invite);
    if let Some((user, password)) = &shared.config.credentials
        && !digest::is_proven(&invite, user, password)
    {
        let challenge = [(Name::PROXY_AUTHENTICATE, digest::challenge())];
        let code = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        refuse(&endpoint, invite, code, &challenge).await;
        return;
    }
    let slot = shared.slots.try_acquire();
    if shared.stop.is_cancelled() || slot.is_err() {
        refuse(&endpoint, invite, StatusCode::SERVICE_UNAVAILABLE, &[]).await;
        return;
    }
    let (end, packets_heard) = match shared.behaviour_of(&number) {
        Behaviour::Silent => return,
        Behaviour::Busy => {
            refuse(&endpoint, invite, StatusCode::BUSY_HERE, &[]).await;
            (SimCallEnd::Refused, 0)
        }
        Behaviour::Reject { code, cause } => {
            let reason = cause.map(|cause| (REASON, format!("Q.850;cause={cause}")));
            refuse(&endpoint, invite, code.into(), reason.as_slice()).await;
            (SimCallEnd::Refused, 0)
        }
        Behaviour::NoAnswer => call::ring_for_ever(&shared, endpoint, invite).await,
        Behaviour::Answer { ring, then } => {
            call::answer(&shared, endpoint, invite, ring, Some(then)).await
        }
        Behaviour::Garbage => {
            call::answer(&shared, endpoint, invite, Default::default(), None).await
        }
    };
    shared.remember(SimCall {
        number,
        end,
        packets_heard,
    });
}

fn called_number(invite: &IncomingRequest) -> String {
    match &invite.line.uri.user_part {
        SipUriUserPart::User(user) => user.trim_start_matches('+').to_owned(),
        SipUriUserPart::Empty | SipUriUserPart::UserPw(_) => String::new(),
    }
}

/// Answers without a dialog.
async fn refuse(
    endpoint: &Endpoint,
    mut request: IncomingRequest,
    code: StatusCode,
    headers: &[(Name, String)],
) {
    let mut response = endpoint.create_response(&request, code, None);
    for (name, value) in headers {
        response.msg.headers.insert(name.clone(), value.as_str());
    }
    let result = if request.line.method == Method::INVITE {
        let transaction = endpoint.create_server_inv_tsx(&mut request);
        transaction.respond_failure(response).await
    } else {
        let transaction = endpoint.create_server_tsx(&mut request);
        transaction.respond(response).await
    };
    if let Err(error) = result {
        tracing::debug!(%error, "simulated answer not delivered");
    }
}

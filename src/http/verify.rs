//! Asking people to prove that an address or number is theirs.

use super::App;
use super::fault::Fault;
use crate::domain::{Actor, Channel, Contact, Method, MethodKind, UserId};
use crate::submit::VerificationSent;

/// By which channel a method is proved when nobody chose one.
pub(crate) const fn usual_channel(kind: MethodKind) -> Channel {
    match kind {
        MethodKind::Email => Channel::Email,
        MethodKind::Mobile => Channel::Text,
        MethodKind::Landline => Channel::Call,
    }
}

/// Sends a link or code to a method that nobody has proved yet.
pub(crate) async fn send(
    app: &App,
    contact: &Contact,
    method: &Method,
    channel: Channel,
    by: UserId,
) -> Result<VerificationSent, Fault> {
    let by = Actor::User(by);
    let sent = app
        .console
        .submit
        .send_verification_by(contact.id, method.id, Some(channel), by)
        .await?;
    Ok(sent)
}

//! What a destination does with what is sent to it, and what must become of it.

use tocsin::clock::Randomness;
use tocsin::domain::{
    CallStatus, Channel, Contact, EmailStatus, MethodKind, Permanence, Reason, Status, TextStatus,
    Verdict,
};

use super::world::World;

/// What happens at a destination, once it is not put off any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Email: its server takes it.
    Taken,
    /// Email: a relay takes it, and nothing more is heard.
    Relayed,
    /// Email: its server takes it and returns it later.
    Returned,
    /// Email: its server refuses it for this reason.
    Refused(Reason),
    /// Email: there is no such host.
    NoHost,
    /// Text: so many segments, and a receipt for each, some twice, some before the answer.
    Receipts { segments: u8, delivered: bool },
    /// Text: the carrier takes it and never says more.
    Silent,
    /// Text: the carrier refuses it.
    Unsendable,
    /// Call: it ends so.
    Ends(CallStatus),
    /// Any: put off for this reason, for ever.
    Never(Reason),
}

/// A destination's script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    /// How many attempts at each delivery are put off before anything else happens.
    pub(crate) put_off: u8,
    /// What happens then.
    pub(crate) fate: Fate,
}

impl From<Fate> for Script {
    fn from(fate: Fate) -> Self {
        Self { put_off: 0, fate }
    }
}

impl Fate {
    /// Where a delivery with this fate must stand in the end.
    pub(crate) fn end(self, channel: Channel) -> Status {
        match self {
            Self::Taken => Status::Email(EmailStatus::Received),
            Self::Relayed => Status::Email(EmailStatus::Sent),
            Self::Returned | Self::Refused(_) => Status::Email(EmailStatus::Rebound),
            Self::NoHost => Status::Email(EmailStatus::NotSent),
            Self::Receipts {
                delivered: true, ..
            } => Status::Text(TextStatus::Received),
            Self::Receipts { .. } => Status::Text(TextStatus::Undelivered),
            Self::Silent => Status::Text(TextStatus::Sent),
            Self::Unsendable => Status::Text(TextStatus::Failed),
            Self::Ends(status) => Status::Call(status),
            Self::Never(_) => match channel {
                Channel::Email => Status::Email(EmailStatus::NotSent),
                Channel::Text => Status::Text(TextStatus::Failed),
                Channel::Call => Status::Call(CallStatus::Failed),
            },
        }
    }
}

pub(crate) fn permanent(reason: Reason) -> Verdict {
    Verdict::failure(reason, Permanence::Permanent).with_diagnostic("550 no")
}

pub(crate) fn temporary(reason: Reason) -> Verdict {
    Verdict::failure(reason, Permanence::Temporary).with_diagnostic("450 not now")
}

/// A script by the draw.
pub(crate) fn draw(random: &Randomness, channel: Channel) -> Script {
    let one_of = |fates: &[Fate]| {
        let index = random.below(fates.len() as u64);
        fates[usize::try_from(index).unwrap()]
    };
    let segments = u8::try_from(1 + random.below(3)).unwrap();
    let delivered = Fate::Receipts {
        segments,
        delivered: true,
    };
    let lost = Fate::Receipts {
        segments,
        delivered: false,
    };
    let fate = match channel {
        Channel::Email => one_of(&[
            Fate::Taken,
            Fate::Taken,
            Fate::Relayed,
            Fate::Returned,
            Fate::Refused(Reason::UserUnknown),
            Fate::Refused(Reason::Blocked),
            Fate::NoHost,
            Fate::Never(Reason::MailboxFull),
        ]),
        Channel::Text => one_of(&[
            delivered,
            delivered,
            lost,
            Fate::Silent,
            Fate::Unsendable,
            Fate::Never(Reason::Throttled),
        ]),
        Channel::Call => one_of(&[
            Fate::Ends(CallStatus::Confirmed),
            Fate::Ends(CallStatus::Completed),
            Fate::Ends(CallStatus::Busy),
            Fate::Ends(CallStatus::NoAnswer),
            Fate::Ends(CallStatus::Voicemail),
            Fate::Ends(CallStatus::Fax),
            Fate::Ends(CallStatus::Failed),
        ]),
    };
    let put_off = random.below(4).saturating_sub(1);
    Script {
        put_off: u8::try_from(put_off).unwrap(),
        fate,
    }
}

/// People with all sorts of methods, and a script for each of these.
pub(crate) fn crowd(world: &World, people: u64) -> Vec<Contact> {
    let random = world.random.fork();
    let number = std::cell::Cell::new(0);
    let next = || {
        number.set(number.get() + 1);
        number.get()
    };
    let drawn = |channel| (channel, draw(&random, channel));
    let person = |_| {
        let mut methods = Vec::new();
        for _ in 0..random.below(3) {
            let address = format!("p{}@example.org", next());
            world.script(&address, &[drawn(Channel::Email)]);
            methods.push((MethodKind::Email, address));
        }
        for _ in 0..random.below(3) {
            let mobile = format!("+4477009{:05}", next());
            world.script(&mobile, &[drawn(Channel::Text), drawn(Channel::Call)]);
            methods.push((MethodKind::Mobile, mobile));
        }
        for _ in 0..random.below(2) {
            let landline = format!("+4416329{:05}", next());
            world.script(&landline, &[drawn(Channel::Call)]);
            methods.push((MethodKind::Landline, landline));
        }
        let methods: Vec<_> = methods
            .iter()
            .map(|(kind, text)| (*kind, text.as_str()))
            .collect();
        world.person(&methods)
    };
    (0..people).map(person).collect()
}

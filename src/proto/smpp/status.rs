//! `command_status` values (section 5.1.3).

use std::fmt;

/// The status field of a response, as it stands on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandStatus(pub u32);

macro_rules! statuses {
    ($($name:ident = $value:literal, $text:literal;)*) => {
        impl CommandStatus {
            $(#[doc = concat!("`ESME_", stringify!($name), "`: ", $text, ".")]
            pub const $name: Self = Self($value);)*

            /// The specification's name (`ESME_RTHROTTLED`), if it has one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(concat!("ESME_", stringify!($name))),)*
                    _ => None,
                }
            }

            /// What the specification says about it, in a few words.
            pub fn text(self) -> &'static str {
                match self.0 {
                    $($value => $text,)*
                    0x0000_0400..=0x0000_04ff => "error specific to this message centre",
                    _ => "reserved error",
                }
            }
        }
    };
}

statuses! {
    ROK = 0x00, "no error";
    RINVMSGLEN = 0x01, "message length is invalid";
    RINVCMDLEN = 0x02, "command length is invalid";
    RINVCMDID = 0x03, "invalid command id";
    RINVBNDSTS = 0x04, "incorrect bind status for the command";
    RALYBND = 0x05, "already in bound state";
    RINVPRTFLG = 0x06, "invalid priority flag";
    RINVREGDLVFLG = 0x07, "invalid registered delivery flag";
    RSYSERR = 0x08, "system error";
    RINVSRCADR = 0x0a, "invalid source address";
    RINVDSTADR = 0x0b, "invalid destination address";
    RINVMSGID = 0x0c, "message id is invalid";
    RBINDFAIL = 0x0d, "bind failed";
    RINVPASWD = 0x0e, "invalid password";
    RINVSYSID = 0x0f, "invalid system id";
    RCANCELFAIL = 0x11, "cancel failed";
    RREPLACEFAIL = 0x13, "replace failed";
    RMSGQFUL = 0x14, "message queue is full";
    RINVSERTYP = 0x15, "invalid service type";
    RINVNUMDESTS = 0x33, "invalid number of destinations";
    RINVDLNAME = 0x34, "invalid distribution list name";
    RINVDESTFLAG = 0x40, "invalid destination flag";
    RINVSUBREP = 0x42, "invalid submit with replace request";
    RINVESMCLASS = 0x43, "invalid esm class";
    RCNTSUBDL = 0x44, "cannot submit to distribution list";
    RSUBMITFAIL = 0x45, "submit failed";
    RINVSRCTON = 0x48, "invalid source address type of number";
    RINVSRCNPI = 0x49, "invalid source address numbering plan";
    RINVDSTTON = 0x50, "invalid destination address type of number";
    RINVDSTNPI = 0x51, "invalid destination address numbering plan";
    RINVSYSTYP = 0x53, "invalid system type";
    RINVREPFLAG = 0x54, "invalid replace flag";
    RINVNUMMSGS = 0x55, "invalid number of messages";
    RTHROTTLED = 0x58, "throttled: the allowed message limit is exceeded";
    RINVSCHED = 0x61, "invalid scheduled delivery time";
    RINVEXPIRY = 0x62, "invalid validity period";
    RINVDFTMSGID = 0x63, "predefined message is invalid or not found";
    RX_T_APPN = 0x64, "receiver temporary application error";
    RX_P_APPN = 0x65, "receiver permanent application error";
    RX_R_APPN = 0x66, "receiver reject message error";
    RQUERYFAIL = 0x67, "query failed";
    RINVOPTPARSTREAM = 0xc0, "error in the optional part of the PDU body";
    ROPTPARNOTALLWD = 0xc1, "optional parameter not allowed";
    RINVPARLEN = 0xc2, "invalid parameter length";
    RMISSINGOPTPARAM = 0xc3, "expected optional parameter missing";
    RINVOPTPARAMVAL = 0xc4, "invalid optional parameter value";
    RDELIVERYFAILURE = 0xfe, "delivery failure";
    RUNKNOWNERR = 0xff, "unknown error";
}

impl CommandStatus {
    /// No error.
    pub fn is_ok(self) -> bool {
        self == Self::ROK
    }

    /// The message centre asks to slow down; the same message may be sent again.
    pub fn is_throttling(self) -> bool {
        self == Self::RTHROTTLED || self == Self::RMSGQFUL
    }
}

impl fmt::Display for CommandStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "0x{:08x} {name} ({})", self.0, self.text()),
            None => write!(f, "0x{:08x} ({})", self.0, self.text()),
        }
    }
}

impl fmt::Debug for CommandStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

//! The body of one message while it arrives: bounded, and checked for everything that other
//! servers might read differently.

use super::reply::{Enhanced, Reply};

/// Why a message will be refused once all of it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// CR without LF.
    BareCr,
    /// LF without CR.
    BareLf,
    /// A NUL octet.
    Nul,
    /// A line over the limit.
    LineTooLong,
    /// More octets than SIZE allows.
    TooBig,
    /// The owner gave up on this transfer.
    Refused(Reply),
}

impl BodyFault {
    /// The reply at the end of the data.
    pub(super) fn reply(self) -> Reply {
        let malformed = |text| Reply::new(554, Enhanced(5, 6, 0), text);
        match self {
            BodyFault::BareCr => malformed("Message contains a bare CR; lines must end with CRLF"),
            BodyFault::BareLf => malformed("Message contains a bare LF; lines must end with CRLF"),
            BodyFault::Nul => malformed("Message contains a NUL octet"),
            BodyFault::LineTooLong => malformed("Message contains a line that is too long"),
            BodyFault::TooBig => Reply::new(552, Enhanced(5, 3, 4), "Message is too big"),
            BodyFault::Refused(reply) => reply,
        }
    }
}

/// Collects a body. After the first fault nothing more is kept, only counted.
#[derive(Debug)]
pub(super) struct BodyWriter {
    body: Vec<u8>,
    size_max_bytes: usize,
    line_max_bytes: usize,
    line_bytes: usize,
    after_cr: bool,
    fault: Option<BodyFault>,
}

impl BodyWriter {
    pub(super) fn new(size_max_bytes: usize, line_max_bytes: usize) -> Self {
        BodyWriter {
            body: Vec::new(),
            size_max_bytes,
            line_max_bytes,
            line_bytes: 0,
            after_cr: false,
            fault: None,
        }
    }

    /// Appends decoded octets.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.fault.is_some() || bytes.is_empty() {
            return;
        }
        if let Err(fault) = self.check(bytes) {
            self.fail(fault);
            return;
        }
        self.body.extend_from_slice(bytes);
    }

    /// Marks the message as refused and frees what was kept. The first fault stays.
    pub(super) fn fail(&mut self, fault: BodyFault) {
        self.fault.get_or_insert(fault);
        self.body = Vec::new();
    }

    /// The fault found so far.
    pub(super) fn fault(&self) -> Option<BodyFault> {
        self.fault.clone()
    }

    /// Octets held in memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.body.capacity()
    }

    /// The whole body, its last line ended.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, BodyFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.after_cr {
            return Err(BodyFault::BareCr);
        }
        if self.line_bytes > 0 {
            self.body.extend_from_slice(b"\r\n");
        }
        Ok(self.body)
    }

    /// Faults are looked for octet by octet, so that the first one in the stream is reported
    /// however the stream was cut.
    fn check(&mut self, bytes: &[u8]) -> Result<(), BodyFault> {
        let room = self.size_max_bytes - self.body.len().min(self.size_max_bytes);
        for (at, &byte) in bytes.iter().enumerate() {
            if at >= room {
                return Err(BodyFault::TooBig);
            }
            if self.after_cr && byte != b'\n' {
                return Err(BodyFault::BareCr);
            }
            self.line_bytes += 1;
            match byte {
                b'\n' if !self.after_cr => return Err(BodyFault::BareLf),
                0 => return Err(BodyFault::Nul),
                _ if self.line_bytes > self.line_max_bytes => return Err(BodyFault::LineTooLong),
                b'\n' => self.line_bytes = 0,
                _ => {}
            }
            self.after_cr = byte == b'\r';
        }
        Ok(())
    }
}

//! G.711 µ-law and A-law (ITU-T G.711).

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// A speech codec that we offer, with its static payload type (RFC 3551 table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 µ-law, payload type 0.
    Pcmu,
    /// G.711 A-law, payload type 8.
    Pcma,
}

impl Codec {
    /// Both codecs, in the order we offer them.
    pub const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    /// The static RTP payload type.
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The codec for a static payload type.
    pub fn from_payload_type(payload_type: u8) -> Option<Self> {
        Codec::ALL
            .into_iter()
            .find(|codec| codec.payload_type() == payload_type)
    }

    /// The encoding name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// One linear sample as its G.711 byte.
    pub fn encode_sample(self, sample: i16) -> u8 {
        match self {
            Codec::Pcmu => encode_ulaw(sample),
            Codec::Pcma => encode_alaw(sample),
        }
    }

    /// One G.711 byte as its linear sample.
    pub fn decode_sample(self, byte: u8) -> i16 {
        match self {
            Codec::Pcmu => decode_ulaw(byte),
            Codec::Pcma => decode_alaw(byte),
        }
    }

    /// Linear samples as G.711 bytes, one for one.
    pub fn encode(self, samples: &[i16]) -> Vec<u8> {
        samples.iter().map(|&s| self.encode_sample(s)).collect()
    }

    /// G.711 bytes as linear samples, one for one.
    pub fn decode(self, bytes: &[u8]) -> Vec<i16> {
        bytes.iter().map(|&b| self.decode_sample(b)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coding_a_decoded_byte_changes_nothing() {
        for codec in Codec::ALL {
            for byte in 0..=255u8 {
                let sample = codec.decode_sample(byte);
                let again = codec.decode_sample(codec.encode_sample(sample));
                assert_eq!(again, sample, "{codec:?} byte {byte:#04x}");
            }
        }
    }

    #[test]
    fn the_error_stays_within_a_quantising_step() {
        for codec in Codec::ALL {
            for sample in (-32_000..32_000i32).step_by(37) {
                let Ok(linear) = i16::try_from(sample) else {
                    continue;
                };
                let back = i32::from(codec.decode_sample(codec.encode_sample(linear)));
                let allowed = 40 + sample.abs() / 16;
                assert!(
                    (back - sample).abs() <= allowed,
                    "{codec:?} {sample} came back as {back}"
                );
            }
        }
    }

    #[test]
    fn known_bytes_of_g711() {
        assert_eq!(Codec::Pcmu.encode_sample(0), 0xff);
        assert_eq!(Codec::Pcma.encode_sample(0), 0xd5);
        assert_eq!(Codec::Pcmu.decode_sample(0x00), -32_124);
        assert_eq!(Codec::Pcma.decode_sample(0xaa), 32_256);
    }
}

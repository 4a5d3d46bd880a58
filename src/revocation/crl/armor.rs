//! A list in PEM (RFC 7468 section 6), decoded in place and in steps.
//!
//! `openssl crl -text` writes text before the block, and other blocks may stand around it: both are passed over, as OpenSSL
//! does. A second list is refused, of which OpenSSL reads the first without a word.

use super::error::LoadError;

const BEGIN: &[u8] = b"-----BEGIN X509 CRL-----";
const END: &[u8] = b"-----END X509 CRL-----";

/// How many bytes of text are looked at in one step: about 1 ms in V8.
const STEP_BYTES: usize = 256 * 1024;

/// PEM that is being decoded: what is decoded stands at the beginning of the text, where it has been read.
#[derive(Debug)]
pub(super) struct Armor {
    text: Vec<u8>,
    /// How far it is read.
    read: usize,
    /// How much is decoded.
    written: usize,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Before,
    Inside(Digits),
    After,
}

/// Base64 digits of which no octets are made yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Digits {
    bits: u32,
    count: usize,
    padding: usize,
}

/// How far the text is decoded.
#[derive(Debug)]
pub(super) enum Decoded {
    Working(Armor),
    Done(Vec<u8>),
}

impl Armor {
    pub(super) fn new(text: Vec<u8>) -> Armor {
        Armor { text, read: 0, written: 0, part: Part::Before }
    }

    pub(super) fn step(mut self) -> Result<Decoded, LoadError> {
        match self.part {
            Part::Before => {
                if self.find_begin() {
                    self.part = Part::Inside(Digits::default());
                } else if self.read >= self.text.len() {
                    return Err(LoadError::NotAList);
                }
            }
            Part::Inside(digits) => self.part = self.decode(digits)?,
            Part::After => {
                if self.find_begin() {
                    return Err(LoadError::SeveralLists);
                }
                if self.read >= self.text.len() {
                    self.text.truncate(self.written);
                    return Ok(Decoded::Done(self.text));
                }
            }
        }
        Ok(Decoded::Working(self))
    }

    /// Looks for the first line in the next bytes, and reads up to its end, or to where it might begin.
    fn find_begin(&mut self) -> bool {
        let end = self.text.len().min(self.read + STEP_BYTES);
        let window = self.text.get(self.read..end).unwrap_or_default();
        match window.windows(BEGIN.len()).position(|text| text == BEGIN) {
            Some(at) => {
                self.read += at + BEGIN.len();
                true
            }
            None if end == self.text.len() => {
                self.read = end;
                false
            }
            None => {
                // A step is longer than the line.
                self.read = end - BEGIN.len();
                false
            }
        }
    }

    fn decode(&mut self, mut digits: Digits) -> Result<Part, LoadError> {
        let stop = self.text.len().min(self.read + STEP_BYTES);
        while self.read < stop {
            if digits == Digits::default() {
                self.decode_whole(stop);
            }
            let Some(&byte) = self.text.get(self.read) else { break };
            if byte == b'-' {
                return self.end(digits);
            }
            self.read += 1;
            if matches!(byte, b'\n' | b'\r' | b' ' | b'\t') {
                continue;
            }
            digits = self.digit(digits, byte)?;
        }
        // The text ended before the last line.
        if self.read >= self.text.len() { Err(LoadError::Truncated) } else { Ok(Part::Inside(digits)) }
    }

    /// Four digits at a time, as long as they stand side by side.
    fn decode_whole(&mut self, stop: usize) {
        while self.read + 4 <= stop {
            let Some(&[a, b, c, d]) = self.text.get(self.read..).and_then(<[u8]>::first_chunk) else {
                return;
            };
            let [a, b, c, d] = [value(a), value(b), value(c), value(d)];
            if (a | b | c | d) & NONE != 0 {
                return;
            }
            let bits = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
            self.write(bits, 3);
            self.read += 4;
        }
    }

    fn digit(&mut self, mut digits: Digits, byte: u8) -> Result<Digits, LoadError> {
        let value = match byte {
            b'=' if matches!(digits.count + digits.padding, 2 | 3) => {
                digits.padding += 1;
                0
            }
            _ if digits.padding > 0 => return Err(LoadError::Pem),
            _ => match value(byte) {
                NONE => return Err(LoadError::Pem),
                value => {
                    digits.count += 1;
                    value
                }
            },
        };
        digits.bits = digits.bits << 6 | u32::from(value);
        if digits.count + digits.padding < 4 {
            return Ok(digits);
        }
        let (octets, unused) = match digits.padding {
            0 => (3, 0),
            1 => (2, 0xff),
            _ => (1, 0xffff),
        };
        // Bits of which no octet is made are zero, so that there is one way to write each list.
        if digits.bits & unused != 0 {
            return Err(LoadError::Pem);
        }
        self.write(digits.bits, octets);
        // Nothing may follow padding: a group that is full and padded stays as it is.
        Ok(if digits.padding == 0 { Digits::default() } else { digits })
    }

    /// The text from the first `-` on.
    fn end(&mut self, digits: Digits) -> Result<Part, LoadError> {
        let whole = digits.count == 0 || digits.count + digits.padding == 4;
        let rest = self.text.get(self.read..).unwrap_or_default();
        if !whole || !rest.starts_with(END) {
            return Err(LoadError::Pem);
        }
        self.read += END.len();
        Ok(Part::After)
    }

    /// Never ahead of what is read: the first line is longer than the octets of one group.
    fn write(&mut self, bits: u32, octets: usize) {
        let [_, bytes @ ..] = bits.to_be_bytes();
        let to = self.text.get_mut(self.written..self.written + octets);
        if let Some((to, from)) = to.zip(bytes.get(..octets)) {
            to.copy_from_slice(from);
            self.written += octets;
        }
    }
}

/// What is no digit. No digit has any of its bits.
const NONE: u8 = 0xc0;

/// The digits of base64 (RFC 4648 section 4).
#[expect(clippy::indexing_slicing, reason = "a constant whose index were out of bounds would not compile")]
const VALUES: [u8; 256] = {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < digits.len() {
        values[digits[value] as usize] = value as u8;
        value += 1;
    }
    values
};

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NONE)
}

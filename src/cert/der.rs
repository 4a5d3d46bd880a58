//! A strict walk over DER (X.690 section 10): definite lengths in their shortest form, low tag numbers.
//!
//! Parsers in use stop quietly at the first element of a list that they cannot read and ignore what follows the
//! last element of a sequence. A name that is dropped that way would slip past a `deny`, so all that is read
//! here must be used up to its last byte.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Bytes that are no DER, or not of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDer;

/// One element: its identifier octet, its contents and the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads element after element.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The next element, or `None` at the end.
    // Not inlined, like the others: certificates are read in many places and seldom, and each copy costs the module
    // half a kilobyte.
    #[inline(never)]
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, NotDer> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let whole = self.rest;
        let (&tag, rest) = whole.split_first().ok_or(NotDer)?;
        if tag & 0x1f == 0x1f {
            return Err(NotDer);
        }
        let (length, rest) = read_length(rest)?;
        let (contents, rest) = rest.split_at_checked(length).ok_or(NotDer)?;
        let whole = whole.get(..whole.len() - rest.len()).ok_or(NotDer)?;
        self.rest = rest;
        Ok(Some(Element { tag, contents, whole }))
    }

    /// The next element, which must be there and have this tag.
    #[inline(never)]
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        match self.next()? {
            Some(element) if element.tag == tag => Ok(element.contents),
            Some(_) | None => Err(NotDer),
        }
    }

    /// The next element as a whole, which must be there and have this tag.
    #[inline(never)]
    pub(crate) fn whole(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        match self.next()? {
            Some(element) if element.tag == tag => Ok(element.whole),
            Some(_) | None => Err(NotDer),
        }
    }

    /// The next element if it has this tag.
    #[inline(never)]
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, NotDer> {
        if self.rest.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), NotDer> {
        if self.rest.is_empty() { Ok(()) } else { Err(NotDer) }
    }
}

/// The contents of the one element that `bytes` must be.
#[inline(never)]
pub(crate) fn only(tag: u8, bytes: &[u8]) -> Result<&[u8], NotDer> {
    let mut reader = Reader::new(bytes);
    let contents = reader.expect(tag)?;
    reader.end()?;
    Ok(contents)
}

/// The two numbers of a SEQUENCE of two positive INTEGERs: their octets, without the leading zero that keeps a number positive.
#[inline(never)]
pub(crate) fn two_positive(sequence: &[u8]) -> Result<[&[u8]; 2], NotDer> {
    let mut numbers = Reader::new(only(SEQUENCE, sequence)?);
    let pair = [positive(numbers.expect(INTEGER)?)?, positive(numbers.expect(INTEGER)?)?];
    numbers.end()?;
    Ok(pair)
}

/// The octets of a positive INTEGER in its shortest form, without the leading zero that keeps it positive.
fn positive(integer: &[u8]) -> Result<&[u8], NotDer> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Ok(rest),
        [1..=0x7f, ..] => Ok(integer),
        _ => Err(NotDer),
    }
}

/// Whether `bytes` begin with an element that is longer than they are.
pub(crate) fn is_cut_short(bytes: &[u8]) -> bool {
    match bytes {
        [] | [_] => true,
        [_, first, rest @ ..] if *first > 0x80 && rest.len() < usize::from(first & 0x7f) => *first <= 0x84,
        [_, rest @ ..] => read_length(rest).is_ok_and(|(length, rest)| length > rest.len()),
    }
}

/// Writes one element.
#[inline(never)]
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let octets = length.to_be_bytes();
    let octets = octets.get(length.leading_zeros() as usize / 8..).unwrap_or_default();
    let mut bytes = Vec::with_capacity(2 + octets.len() + length);
    bytes.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        Ok(_) | Err(_) => {
            // At most eight octets.
            bytes.push(0x80 | octets.len() as u8);
            bytes.extend_from_slice(octets);
        }
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let (&first, rest) = bytes.split_first().ok_or(NotDer)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    // 0x80 is the indefinite form. Four octets are enough for every list that is accepted, and no more than `usize` holds
    // in WebAssembly. A certificate is bounded before it is read.
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(NotDer);
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or(NotDer)?;
    let length = octets.iter().fold(0usize, |length, &octet| length << 8 | usize::from(octet));
    let shortest = match count {
        1 => length >= 0x80,
        2 => length > 0xff,
        3 => length > 0xffff,
        _ => length > 0xff_ffff,
    };
    if shortest { Ok((length, rest)) } else { Err(NotDer) }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn elements_come_one_after_the_other_until_nothing_is_left() {
        let mut reader = Reader::new(&[0x02, 0x01, 0x05, 0x05, 0x00]);
        assert_eq!(reader.expect(INTEGER), Ok(&[5][..]));
        assert_eq!(reader.end(), Err(NotDer));
        assert_eq!(reader.next().unwrap().map(|element| element.whole), Some(&[0x05, 0x00][..]));
        assert_eq!(reader.next(), Ok(None));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn lengths_are_read_in_their_shortest_form_only() {
        let element = |head: &[u8], length: usize| [head, &vec![0; length]].concat();
        for (name, bytes, expected) in [
            ("short", element(&[0x04, 0x7f], 0x7f), true),
            ("short in the long form", element(&[0x04, 0x81, 0x7f], 0x7f), false),
            ("one octet", element(&[0x04, 0x81, 0x80], 0x80), true),
            ("one octet in two", element(&[0x04, 0x82, 0x00, 0xff], 0xff), false),
            ("two octets", element(&[0x04, 0x82, 0x01, 0x00], 0x100), true),
            ("two octets in three", element(&[0x04, 0x83, 0x00, 0xff, 0xff], 0xffff), false),
            ("three octets", element(&[0x04, 0x83, 0x01, 0x00, 0x00], 0x10000), true),
            ("three octets in four", element(&[0x04, 0x84, 0x00, 0xff, 0xff, 0xff], 0xff_ffff), false),
            ("four octets", element(&[0x04, 0x84, 0x01, 0x00, 0x00, 0x00], 0x100_0000), true),
            ("four octets, and less than they say", element(&[0x04, 0x84, 0x01, 0x00, 0x00, 0x00], 1), false),
            ("five octets", element(&[0x04, 0x85, 0x01, 0x00, 0x00, 0x00, 0x00], 1), false),
            ("indefinite", element(&[0x24, 0x80], 2), false),
            ("more than there is", element(&[0x04, 0x03], 2), false),
            ("a high tag number", element(&[0x1f, 0x22, 0x00], 0), false),
            ("no length", element(&[0x04], 0), false),
            ("no length octets", element(&[0x04, 0x82, 0x01], 0), false),
        ] {
            assert_eq!(Reader::new(&bytes).next().is_ok(), expected, "{name}");
        }
    }

    #[test]
    fn two_numbers_are_positive_and_in_their_shortest_form() {
        let pair = |one: &[u8], other: &[u8]| {
            element(SEQUENCE, &[&element(INTEGER, &[one]), &element(INTEGER, &[other])])
        };
        assert_eq!(two_positive(&pair(&[0x7f], &[0x00, 0x80])), Ok([&[0x7f][..], &[0x80]]));
        for odd in [&[][..], &[0x00], &[0x80], &[0xff], &[0x00, 0x7f], &[0x00, 0x00, 0x80]] {
            assert_eq!(two_positive(&pair(&[1], odd)), Err(NotDer), "{odd:x?}");
            assert_eq!(two_positive(&pair(odd, &[1])), Err(NotDer), "{odd:x?}");
        }
        let number = element(INTEGER, &[&[1]]);
        for numbers in [&[&number[..]][..], &[&number, &number, &number]] {
            assert_eq!(two_positive(&element(SEQUENCE, numbers)), Err(NotDer));
        }
    }

    #[test]
    fn the_only_element_is_refused_with_another_after_it() {
        assert_eq!(only(SEQUENCE, &[0x30, 0x00]), Ok(&[][..]));
        assert_eq!(only(SEQUENCE, &[0x30, 0x00, 0x05, 0x00]), Err(NotDer));
        assert_eq!(only(SET, &[0x30, 0x00]), Err(NotDer));
        assert_eq!(only(SEQUENCE, &[]), Err(NotDer));
    }
}

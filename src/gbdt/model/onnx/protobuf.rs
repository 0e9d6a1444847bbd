//! Messages of protobuf, written: fields of varints, of bytes and of messages, which is all that ONNX has.

/// A message under construction; fields stand in the order in which they are added.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const BYTES: u64 = 2;

impl Message {
    pub(super) fn integer(&mut self, field: u64, value: i64) {
        self.tag(field, VARINT);
        varint(&mut self.0, value as u64);
    }

    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.tag(field, BYTES);
        varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(super) fn message(&mut self, field: u64, message: &Message) {
        self.bytes(field, &message.0);
    }

    /// A repeated field of integers, packed.
    pub(super) fn integers(&mut self, field: u64, values: impl IntoIterator<Item = i64>) {
        let mut packed = vec![];
        values.into_iter().for_each(|value| varint(&mut packed, value as u64));
        self.bytes(field, &packed);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn tag(&mut self, field: u64, kind: u64) {
        varint(&mut self.0, field << 3 | kind);
    }
}

/// Seven bits a byte, the lowest first; all but the last have the eighth set.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of protobuf's description of its encoding.
    #[test]
    fn encoded_as_protobuf_describes() {
        let mut inner = Message::default();
        inner.integer(1, 150);
        let mut outer = Message::default();
        outer.message(3, &inner);
        outer.text(2, "testing");
        outer.integers(6, [3, 270, 86_942]);
        let expected = b"\x1a\x03\x08\x96\x01\x12\x07testing\x32\x06\x03\x8e\x02\x9e\xa7\x05";
        assert_eq!(outer.into_bytes(), expected);
    }

    #[test]
    fn negative_integers_take_ten_bytes() {
        let mut message = Message::default();
        message.integer(1, -2);
        assert_eq!(message.into_bytes(), b"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    }
}

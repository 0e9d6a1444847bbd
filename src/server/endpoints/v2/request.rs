//! The body of `infer` and `explain`: JSON, and behind it, where the header says how long the JSON is, the bytes of tensors
//! ("binary tensor data extension").

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::tensor::Tensor;
use crate::server::error::{ApiError, Fault};

/// Tensors in, and which tensors to answer with.
#[derive(Deserialize, JsonSchema)]
pub(in crate::server) struct InferRequest {
    /// Comes back with the answer.
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) parameters: RequestParameters,
    #[schemars(length(min = 1, max = 1))]
    inputs: Vec<InputTensor>,
    /// All but the contributions where absent or empty.
    #[serde(default)]
    pub(super) outputs: Vec<RequestedOutput>,
}

/// Other parameters are ignored.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct RequestParameters {
    /// Whether outputs come as bytes behind the JSON unless they say otherwise.
    pub(super) binary_data_output: bool,
}

#[derive(Deserialize, JsonSchema)]
struct InputTensor {
    /// `features` or `batch`.
    name: String,
    shape: Vec<u64>,
    datatype: String,
    #[serde(default)]
    parameters: InputParameters,
    /// Row after row, nested or flat; null is a missing number.
    data: Option<Flat>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct InputParameters {
    /// Bytes behind the JSON that hold this tensor.
    binary_data_size: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RequestedOutput {
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: OutputParameters,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct OutputParameters {
    /// Whether it comes as bytes behind the JSON.
    pub(super) binary_data: Option<bool>,
}

/// The items of an array of any depth, one after the other.
#[derive(Default)]
pub(super) struct Flat {
    pub(super) numbers: Vec<f64>,
    pub(super) texts: Vec<String>,
}

impl InferRequest {
    /// Reads a body whose first `json` bytes are JSON, with the tensor it brings.
    ///
    /// # Errors
    /// When it is not JSON, not a request, or its tensor is not as it says.
    pub(super) fn read(body: &[u8], json: Option<usize>) -> Result<(Self, Tensor), ApiError> {
        let length = json.unwrap_or(body.len());
        let (json, binary) = body.split_at_checked(length).ok_or(ApiError::Truncated)?;
        let mut request: InferRequest =
            serde_json::from_slice(json).map_err(|error| match error.classify() {
                serde_json::error::Category::Data => Fault::in_body(&[], &error.to_string(), "value_error"),
                _ => ApiError::NotJson(error.to_string()),
            })?;
        let input = match <[InputTensor; 1]>::try_from(std::mem::take(&mut request.inputs)) {
            Ok([input]) => input,
            Err(other) => {
                let msg = format!("expected one input, `features` or `batch`, found {}", other.len());
                return Err(Fault::in_body(&["inputs"], &msg, "too_long"));
            }
        };
        Ok((request, input.tensor(binary)?))
    }
}

impl InputTensor {
    fn tensor(self, binary: &[u8]) -> Result<Tensor, ApiError> {
        let fault =
            |what: &str, msg: String| Fault::in_body(&["inputs", &self.name, what], &msg, "value_error");
        let read = match (&self.data, self.parameters.binary_data_size) {
            (Some(_), Some(_)) | (None, None) => {
                Err(fault("data", "expected either data or binary_data_size".to_owned()))
            }
            (None, Some(size)) if usize::try_from(size) != Ok(binary.len()) => Err(fault(
                "parameters",
                format!("expected {size} bytes behind the JSON, found {}", binary.len()),
            )),
            (None, Some(_)) => Flat::from_bytes(&self.datatype, binary).map_err(|msg| fault("data", msg)),
            (Some(_), None) if !binary.is_empty() => {
                Err(fault("parameters", format!("{} bytes behind the JSON are nobody's", binary.len())))
            }
            (Some(_), None) => Ok(Flat::default()),
        }?;
        let flat = self.data.unwrap_or(read);
        Tensor::new(&self.name, &self.datatype, &self.shape, flat)
    }
}

impl JsonSchema for Flat {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TensorData".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // makers of clients insist on items, of whatever kind
        json_schema!({"type": "array", "items": {}, "description": "Numbers, flags, texts or null, nested or flat"})
    }
}

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = Flat::default();
        deserializer.deserialize_seq(Items(&mut flat))?;
        Ok(flat)
    }
}

/// Reads an array into what was read before.
struct Items<'a>(&'a mut Flat);

/// Reads an item, which may be an array itself.
struct Item<'a>(&'a mut Flat);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Item(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number, a text, null or an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        Items(self.0).visit_seq(items)
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.numbers.push(number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.numbers.push(number as f64);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.numbers.push(number as f64);
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.0.numbers.push(f64::from(u8::from(flag)));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.numbers.push(f64::NAN);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.texts.push(text.to_owned());
        Ok(())
    }
}

//! Postal addresses, in the words of schema.org's PostalAddress.

use serde::{Deserialize, Serialize};

use crate::Problem;

/// Where something is delivered or billed to. Texts hold 1 to 200 characters once trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostalAddress {
    /// The recipient.
    #[schema(example = "Ann Lee")]
    pub name: String,
    #[schema(example = "Marienplatz 8")]
    pub street_address: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub extended_address: String,
    #[schema(example = "80331")]
    pub postal_code: String,
    #[schema(example = "München")]
    pub address_locality: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address_region: String,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE", pattern = "^[A-Z]{2}$")]
    pub address_country: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub telephone: String,
}

impl PostalAddress {
    /// Trims every text and refuses what no carrier could deliver to. `at` is the field's name in
    /// the request, for the problem's pointers.
    pub fn checked(self, at: &str) -> Result<Self, Problem> {
        let mut problem = Problem::invalid("the address is incomplete");
        let mut clean = |name: &str, text: String, required: bool| {
            let text = text.trim().to_owned();
            if required && text.is_empty() {
                problem.add_field(format!("{at}.{name}"), "must not be empty");
            }
            if text.chars().count() > 200 || text.chars().any(char::is_control) {
                problem.add_field(format!("{at}.{name}"), "must be at most 200 characters without line breaks");
            }
            text
        };
        let address = Self {
            name: clean("name", self.name, true),
            street_address: clean("street_address", self.street_address, true),
            extended_address: clean("extended_address", self.extended_address, false),
            postal_code: clean("postal_code", self.postal_code, true),
            address_locality: clean("address_locality", self.address_locality, true),
            address_region: clean("address_region", self.address_region, false),
            address_country: clean("address_country", self.address_country, true),
            telephone: clean("telephone", self.telephone, false),
        };
        let country = &address.address_country;
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            problem.add_field(format!("{at}.address_country"), "must be an ISO 3166-1 alpha-2 code such as DE");
        }
        if problem.fields.is_empty() { Ok(address) } else { Err(problem) }
    }
}

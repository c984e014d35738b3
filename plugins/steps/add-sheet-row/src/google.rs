//! A Google spreadsheet, over the Sheets API v4, as a service account.
//!
//! Three requests for a row: a token for the account (a JWT that the host signs, so that the key is
//! never here), the first row of the sheet (which names the columns), and the row itself. The token is
//! asked for each time: a step keeps nothing between its activations. Values go as they are (`RAW`), so
//! nothing that a contact wrote becomes a formula.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jackfield_plugin::http::{Request, Response};
use jackfield_plugin::{clock, crypto, prelude::*};
use serde_json::Map;

/// Where tokens come from.
pub(crate) const TOKEN_HOST: &str = "https://oauth2.googleapis.com";
/// Where spreadsheets are.
pub(crate) const API: &str = "https://sheets.googleapis.com";
/// The secret that is meant where none is named.
pub(crate) const KEY: &str = "google-key";
/// What the account may do with its token.
const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";
/// For how long a token is asked, in seconds: the shortest that Google has.
const LIFE: u64 = 3_600;
/// How long one answer is waited for, in milliseconds.
const PATIENCE: u32 = 12_000;

/// A sheet of a spreadsheet, and who writes there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Google {
    /// The spreadsheet's id: what stands in its address between `/d/` and `/edit`.
    #[schemars(length(min = 1, max = 200))]
    spreadsheet: String,
    /// The sheet in it, by its name. Its first row names the columns.
    #[schemars(length(min = 1, max = 100))]
    sheet: String,
    /// The service account's mail address. Share the spreadsheet with it, as an editor.
    #[schemars(length(min = 1, max = 320))]
    account: String,
    /// The name of the secret that holds the account's key: the JSON file that Google gives.
    #[serde(default = "key")]
    #[schemars(length(min = 1, max = 64))]
    key: String,
    /// Where tokens are asked for, if not at Google.
    #[serde(default = "token_url")]
    #[schemars(extend("format" = "uri"), length(min = 1, max = 500))]
    token_url: String,
    /// Where the API is, if not at Google.
    #[serde(default = "api_url")]
    #[schemars(extend("format" = "uri"), length(min = 1, max = 500))]
    api_url: String,
}

fn key() -> String {
    KEY.into()
}

fn token_url() -> String {
    format!("{TOKEN_HOST}/token")
}

fn api_url() -> String {
    API.into()
}

impl Google {
    /// Adds a row; where it stands then.
    pub(crate) fn append(&self, row: &Map<String, Value>) -> Result<String, Failure> {
        let token = self.token()?;
        let header = self.header(&token)?;
        let cells = cells(&header, row)?;
        let url = format!(
            "{}:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS",
            self.values("A1")
        );
        let body = json!({"majorDimension": "ROWS", "values": [cells]}).to_string();
        let request = Request::post(url)
            .header("authorization", format!("Bearer {token}"))
            // Braces are the host's to read, so what a contact wrote keeps its own in another dress.
            .body(Some("application/json"), body.replace("{{", "{\\u007b"));
        let response = request.timeout(PATIENCE).send()?;
        // These two say that nothing was done; of the others of their kind nobody knows.
        if response.status >= 500 && response.status != 503 {
            let said = format!(
                "Google answered {}, so nobody knows whether the row was added",
                response.status
            );
            return Err(Failure::permanent("uncertain", said).maybe_sent(true));
        }
        let answer = self.read(response)?;
        let range = answer["updates"]["updatedRange"].as_str();
        Ok(range.unwrap_or(&self.sheet).to_owned())
    }

    /// A token for the account (RFC 7523). Asking twice does nothing twice, so it is asked again after
    /// a crash; the header that says so means nothing to Google.
    fn token(&self) -> Result<String, Failure> {
        let now = clock::now() / 1_000;
        let claims = json!({
            "iss": self.account, "scope": SCOPE, "aud": self.token_url, "iat": now, "exp": now + LIFE,
        });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(json!({"alg": "RS256", "typ": "JWT"})),
            part(claims)
        );
        let signature = crypto::sign("rs256", &self.key, signed.as_bytes())?;
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let response = Request::post(&self.token_url)
            .form(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", &assertion),
            ])
            .idempotency_header("Idempotency-Key")
            .timeout(PATIENCE)
            .send()
            .map_err(|error| Failure::from(error).maybe_sent(false))?;
        if let Some(failure) = busy(&response) {
            return Err(failure);
        }
        let answer: Value = response.json().unwrap_or_default();
        match answer["access_token"].as_str() {
            Some(token) if response.is_success() => Ok(token.to_owned()),
            _ => {
                let said = answer["error_description"].as_str();
                let said = said.or(answer["error"].as_str()).unwrap_or("no token");
                let said = format!(
                    "Google gives no token to {} with the secret `{}` ({}): {said}",
                    self.account, self.key, response.status
                );
                Err(Failure::blocked("auth", said))
            }
        }
    }

    /// The names of the columns.
    fn header(&self, token: &str) -> Result<Vec<String>, Failure> {
        let request = Request::get(self.values("1:1")).timeout(PATIENCE);
        let response = request
            .header("authorization", format!("Bearer {token}"))
            .send()?;
        let answer = self.read(response)?;
        let first = answer["values"][0].as_array();
        let names = first.into_iter().flatten().map(|name| match name {
            Value::String(name) => name.trim().to_owned(),
            other => other.to_string(),
        });
        Ok(names.collect())
    }

    /// The address of a range of the sheet.
    fn values(&self, range: &str) -> String {
        let range = format!("'{}'!{range}", self.sheet.replace('\'', "''"));
        let root = self.api_url.trim_end_matches('/');
        format!(
            "{root}/v4/spreadsheets/{}/values/{}",
            segment(&self.spreadsheet),
            segment(&range)
        )
    }

    /// What Google answered, or what its refusal means.
    fn read(&self, response: Response) -> Result<Value, Failure> {
        if let Some(failure) = busy(&response) {
            return Err(failure);
        }
        let answer: Value = response.json().unwrap_or_default();
        if response.is_success() {
            return Ok(answer);
        }
        let said = answer["error"]["message"].as_str().unwrap_or("no reason");
        let said = format!("Google answered {}: {said}", response.status);
        Err(match response.status {
            401 => Failure::blocked("auth", said),
            403 => Failure::blocked(
                "forbidden",
                format!("{said}. Share the spreadsheet with {}", self.account),
            ),
            404 => Failure::permanent(
                "not-found",
                format!("{said}. Is `{}` the spreadsheet's id?", self.spreadsheet),
            ),
            400 if said.contains("parse range") => Failure::permanent(
                "not-found",
                format!("the spreadsheet has no sheet `{}`", self.sheet),
            ),
            _ => Failure::permanent("refused", said),
        })
    }
}

/// An answer that says to come again later.
fn busy(response: &Response) -> Option<Failure> {
    let later = response.status == 429 || response.status >= 500;
    later.then(|| {
        let said = format!("Google answered {}", response.status);
        Failure::transient(format!("http-{}", response.status), said)
            .retry_after(response.retry_after(clock::now()))
    })
}

/// A row in the order of the columns.
fn cells(header: &[String], row: &Map<String, Value>) -> Result<Vec<Value>, Failure> {
    let refuse = |code: &str, said: String| Err(Failure::permanent(code, said));
    if header.iter().all(String::is_empty) {
        return refuse(
            "no-columns",
            "the first row of the sheet names no columns".into(),
        );
    }
    for (column, value) in row {
        if !header.contains(column) {
            let said = format!(
                "the sheet has no column `{column}`; it has: {}",
                header.join(", ")
            );
            return refuse("invalid", said);
        }
        if value.is_array() || value.is_object() {
            let said = format!("`{column}` is to be a text, a number, a truth value or null");
            return refuse("invalid", said);
        }
    }
    let last = header.iter().rposition(|name| row.contains_key(name));
    let named = header.iter().take(last.map_or(0, |last| last + 1));
    Ok(named
        .map(|name| match row.get(name) {
            None | Some(Value::Null) => json!(""),
            Some(value) => value.clone(),
        })
        .collect())
}

/// A segment of a path.
fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_in_the_order_of_the_columns_and_ends_with_its_last() {
        let header = ["name", "stars", "note"].map(str::to_owned);
        let row = |value: Value| cells(&header, value.as_object().unwrap());
        assert_eq!(
            row(json!({"stars": 5, "name": "Ann"})).unwrap(),
            [json!("Ann"), json!(5)]
        );
        assert_eq!(
            row(json!({"note": true, "name": null})).unwrap(),
            [json!(""), json!(""), json!(true)]
        );
        for (wrong, code) in [
            (json!({"fax": 1}), "invalid"),
            (json!({"name": []}), "invalid"),
            (json!({"name": {}}), "invalid"),
        ] {
            assert_eq!(row(wrong).unwrap_err().code, code);
        }
        let none = cells(&[], json!({"name": 1}).as_object().unwrap());
        assert_eq!(none.unwrap_err().code, "no-columns");
    }

    #[test]
    fn a_range_is_one_segment_of_the_path() {
        assert_eq!(segment("'It''s'!A1:B2"), "%27It%27%27s%27%21A1%3AB2");
        assert_eq!(segment("é/.."), "%C3%A9%2F..");
    }
}

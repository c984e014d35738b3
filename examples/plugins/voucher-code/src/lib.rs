//! The step `voucher-code`: makes up a code that nobody guesses and that survives being read out on
//! the telephone, for a voucher in a later message.
//!
//! Crockford's alphabet has no I, L, O and U; the last character is a check sum modulo 37, as his
//! base 32 has it, so that a cashier's system sees a typing error.

use jackfield_plugin::{prelude::*, random, variables};

/// The step; see the module.
#[derive(Debug)]
pub struct VoucherCode;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Stands before the code, such as `SPRING`.
    #[serde(default)]
    prefix: String,
    /// How many characters are random; eight have a million million values.
    #[serde(default = "eight")]
    #[schemars(range(min = 6, max = 20))]
    length: u32,
    /// A variable that keeps the code, beside the step's output.
    variable: Option<String>,
}

const fn eight() -> u32 {
    8
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The code, such as `SPRING-7KQ2M9XA*`.
    code: String,
}

/// The last five stand for check sums alone.
const ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

impl Step for VoucherCode {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Make a voucher code",
            "Makes up a random code with a check character.",
        )
        .category(Category::Other)
        .output::<Output>()
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        if !(6..=20).contains(&settings.length) {
            return Err(Failure::invalid_config("length", "must be between 6 and 20"));
        }
        let digits: Vec<u8> = random::bytes(settings.length).iter().map(|byte| byte % 32).collect();
        let mut code = settings.prefix;
        if !code.is_empty() {
            code.push('-');
        }
        code.extend(digits.iter().copied().map(character));
        code.push(character(check(&digits)));
        if let Some(name) = &settings.variable {
            variables::set(name, &json!(code))?;
        }
        Ok(Outcome::done().output(Output { code }).into())
    }
}

/// The number that the digits are, modulo 37.
fn check(digits: &[u8]) -> u8 {
    let sum = digits.iter().fold(0, |sum, digit| (sum * 32 + u32::from(*digit)) % 37);
    sum as u8
}

fn character(digit: u8) -> char {
    char::from(ALPHABET[usize::from(digit)])
}

jackfield_plugin::export_step!(VoucherCode);

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out by hand: 1 * 32 + 2 is 34, whose character is `$`.
    #[test]
    fn the_check_character_is_that_of_crockfords_base_32() {
        assert_eq!(character(check(&[1, 2])), '$');
        assert_eq!(character(check(&[0, 31])), 'Z');
    }
}

//! One question to the model: OpenAI's chat API, `POST /chat/completions`, as many servers speak it.
//!
//! A question may be asked again: it costs tokens and changes nothing. So after a crash it is, with the
//! same idempotency key. What the contact wrote can hold no placeholder of a secret: braces go in
//! another dress.

use jackfield_plugin::http::Request;
use jackfield_plugin::{clock, prelude::*};

use crate::settings::Settings;

/// The most that one answer may have, in tokens, thoughts included.
const LONGEST: u64 = 4_096;

/// What a model said.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    /// For the contact, or JSON.
    pub(crate) text: String,
    /// The names and the arguments (JSON, if the model is good) of the tools that it calls.
    pub(crate) calls: Vec<(String, String)>,
    /// What it cost.
    pub(crate) tokens: u64,
}

/// Asks. `left` is what remains of the budget.
pub(crate) fn ask(
    settings: &Settings,
    messages: &[Value],
    tools: &[Value],
    left: u64,
) -> Result<Said, Failure> {
    let mut body = json!({
        "model": settings.model,
        "messages": messages,
        "max_completion_tokens": left.min(LONGEST),
    });
    if !tools.is_empty() {
        body["tools"] = json!(tools);
    }
    let sent = body.to_string().replace("{{", "{\\u007b");
    let asked = sent.len();
    let url = format!(
        "{}/chat/completions",
        settings.endpoint.trim_end_matches('/')
    );
    let mut request = Request::post(url)
        .body(Some("application/json"), sent)
        .timeout(settings.timeout()? as u32)
        .max_redirects(0)
        .idempotency_header("Idempotency-Key");
    if let Some(key) = settings.key.as_deref().filter(|key| !key.is_empty()) {
        request = request.header("authorization", format!("Bearer {{{{secret:{key}}}}}"));
    }
    // Whoever has heard the question twice has answered it twice, and nothing else has happened.
    let response = request
        .send()
        .map_err(|error| Failure::from(error).maybe_sent(false))?;
    let answer: Value = response.json().unwrap_or_default();
    if !response.is_success() {
        let error = &answer["error"];
        let said = error["message"]
            .as_str()
            .or(error.as_str())
            .unwrap_or("no reason");
        let said: String = said.chars().take(300).collect();
        let said = format!("the model's server answered {}: {said}", response.status);
        // Who has spent all is told 429 as well, and is not helped by waiting.
        let spent = error["code"] == "insufficient_quota" || error["type"] == "insufficient_quota";
        return Err(match response.status {
            401 | 403 => Failure::blocked("auth", said),
            402 | 429 if spent || response.status == 402 => Failure::blocked("quota", said),
            408 | 429 | 500.. => Failure::transient(format!("http-{}", response.status), said)
                .retry_after(response.retry_after(clock::now())),
            status => Failure::permanent(format!("http-{status}"), said),
        });
    }
    let message = &answer["choices"][0]["message"];
    if !message.is_object() {
        let said = "the answer is none of OpenAI's chat API: it has no message";
        return Err(Failure::permanent("unreadable", said));
    }
    let mut said = read(message);
    let counted = answer["usage"]["total_tokens"].as_u64();
    // Who does not count is counted for: about four bytes a token.
    let estimate = (asked + said.text.len()) as u64 / 4;
    said.tokens = counted.unwrap_or(estimate);
    Ok(said)
}

fn read(message: &Value) -> Said {
    let text = match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => message["refusal"].as_str().unwrap_or_default().to_owned(),
    };
    let calls = message["tool_calls"].as_array();
    let calls = calls.into_iter().flatten().filter_map(|call| {
        let function = &call["function"];
        let arguments = match &function["arguments"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some((function["name"].as_str()?.to_owned(), arguments))
    });
    Said {
        text: without_thoughts(&text).trim().to_owned(),
        calls: calls.collect(),
        tokens: 0,
    }
}

/// Some models think aloud: what stands between `<think>` and `</think>` is not for the contact.
fn without_thoughts(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<think>") {
        out.push_str(before);
        match after.split_once("</think>") {
            Some((_, after)) => rest = after,
            None => return out,
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_says_is_read_in_all_its_forms() {
        let said = |message: Value| read(&message);
        assert_eq!(said(json!({"content": " Hi "})).text, "Hi");
        let parts =
            json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]});
        assert_eq!(said(parts).text, "a\nb");
        assert_eq!(said(json!({"content": null, "refusal": "No."})).text, "No.");
        assert_eq!(
            said(json!({"content": "<think>hm</think>Hi<think>cut"})).text,
            "Hi"
        );
        let call = |arguments: Value| {
            json!({"content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "finish", "arguments": arguments}},
                {"id": "2", "type": "function", "function": {}},
            ]})
        };
        for arguments in [json!("{\"say\":\"Bye\"}"), json!({"say": "Bye"})] {
            let calls = said(call(arguments)).calls;
            assert_eq!(
                calls,
                [("finish".to_owned(), "{\"say\":\"Bye\"}".to_owned())]
            );
        }
    }
}

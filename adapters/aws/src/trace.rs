//! Trace ids in two spellings: W3C's `traceparent` in envelopes and HTTP, and X-Ray's header in AWS.
//! An X-Ray trace id is the same 128 bits, of which the first 32 are the time in seconds.

/// `00-<32 hex>-<16 hex>-<flags>` as `Root=1-<8>-<24>;Parent=<16>;Sampled=<0 or 1>`. `None` for anything else.
pub fn xray_header(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.trim().split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = is_hex(version, 2) && version != "ff" && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    if !known || all_zero(trace) || all_zero(parent) {
        return None;
    }
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    let (seconds, rest) = trace.split_at(8);
    Some(format!("Root=1-{seconds}-{rest};Parent={parent};Sampled={sampled}"))
}

/// The other way. A header without a parent gets the first 64 bits of the trace as one.
pub fn traceparent(xray: &str) -> Option<String> {
    let (mut trace, mut parent, mut sampled) = (None, None, "00");
    for part in xray.split(';') {
        match part.trim().split_once('=')? {
            ("Root", root) => {
                let mut parts = root.split('-');
                let (version, seconds, rest) = (parts.next()?, parts.next()?, parts.next()?);
                if version != "1" || !is_hex(seconds, 8) || !is_hex(rest, 24) {
                    return None;
                }
                trace = Some(format!("{seconds}{rest}"));
            }
            ("Parent", id) if is_hex(id, 16) => parent = Some(id.to_owned()),
            ("Sampled", "1") => sampled = "01",
            _ => {}
        }
    }
    let trace = trace.filter(|trace| !all_zero(trace))?;
    let parent = parent.filter(|parent| !all_zero(parent)).unwrap_or_else(|| trace[16..].to_owned());
    Some(format!("00-{trace}-{parent}-{sampled}"))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn all_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const W3C: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn one_trace_in_two_spellings() {
        assert_eq!(xray_header(W3C).as_deref(), Some(XRAY));
        assert_eq!(traceparent(XRAY).as_deref(), Some(W3C));
        assert_eq!(
            traceparent("Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a:0").as_deref(),
            Some("00-5759e988bd862e3fe1be46a994272793-e1be46a994272793-00")
        );
        assert_eq!(xray_header(&W3C.replace("-01", "-00")).unwrap(), XRAY.replace("Sampled=1", "Sampled=0"));
    }

    #[test]
    fn what_is_no_trace_is_none() {
        let zero = format!("00-{}-53995c3f42cd8ad8-01", "0".repeat(32));
        for text in ["", "00", &zero, &W3C.to_uppercase(), &W3C.replace("00-", "ff-"), "00-é-53995c3f42cd8ad8-01"] {
            assert_eq!(xray_header(text), None, "{text}");
        }
        for text in ["", "Root", "Parent=53995c3f42cd8ad8", "Root=2-5759e988-bd862e3fe1be46a994272793", "Root=1-xx-yy"] {
            assert_eq!(traceparent(text), None, "{text}");
        }
    }
}

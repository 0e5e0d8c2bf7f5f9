//! Every operation of the API says in its first line of documentation what it does, as a command: "Add a line to a cart."

use std::collections::BTreeSet;

use super::source;
use super::{File, Finding};

/// Operations whose summaries are still to be written. An entry that is no longer needed is a finding itself.
const SUMMARIES_TO_WRITE: &str = "\
    createCart getCart addCartLine setCartLine removeCartLine acceptCartPrices getMyCart mergeCart listCategories \
    createCategory editCategory deleteCategory exportProducts listProducts createProduct getProduct editProduct \
    changeProductStatus archiveProduct listAllProducts uploadFile listBusinesses getBusiness listBusinessCategories \
    createBusinessCategory editBusinessCategory deleteBusinessCategory claimBusiness listClaims approveClaim refuseClaim \
    registerBusiness listOwnBusinesses getBusinessProfile editBusiness removeBusiness submitBusiness withdrawBusiness \
    setBusinessStaff removeBusinessStaff sendEnquiry listLeads getLead returnLead listAllLeads deliverLead billLead \
    markLeadSpam creditLead refuseLeadReturn listAllBusinesses approveBusiness rejectBusiness suspendBusiness \
    restoreBusiness setLeadTerms getAvailability getStock setStock adjustStock listMovements listMails getMail resendMail \
    listMailTemplates previewMailTemplate placeOrder listOrders getOrder payOrder cancelOrder getOrderTimeline \
    listAllOrders advanceOrder listSellerOrders listOrderPayments getPayment refreshPayment listPayments refundPayment \
    getPaymentBreaker listReviews getReviewSummary submitReview getReview editReview removeReview answerReview \
    voteReviewHelpful unvoteReviewHelpful reportReview listMyReviews listReviewEligibility listReviewQueue publishReview \
    rejectReview dismissReviewReports withdrawReviewAnswer search suggest getSearchIndex rebuildSearchIndex listQueues \
    listDeadLetters redriveDeadLetters redriveDeadLetter dropDeadLetter";
const BEGIN: &str = "#[utoipa::path(";
/// A sentence that begins with one of these is no command.
const NO_VERBS: [&str; 20] = [
    "A", "All", "An", "Another", "Each", "Every", "How", "If", "It", "No", "Nobody", "One", "Other", "The", "These", "This", "What",
    "Where", "Whether", "Who",
];

/// One operation: its id, its line, and its first line of documentation, if it has one.
struct Operation<'a> {
    id: &'a str,
    line: usize,
    summary: Option<&'a str>,
}

pub fn check(files: &[File]) -> Vec<Finding> {
    judge(files, &SUMMARIES_TO_WRITE.split_whitespace().collect::<Vec<_>>())
}

fn judge(files: &[File], excepted: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unwritten: BTreeSet<&str> = excepted.iter().copied().collect();
    for file in files.iter().filter(|file| file.has_extension("rs") && file.path.contains("/src/")) {
        for operation in operations(file.text.as_deref().unwrap_or_default()) {
            let Some(fault) = fault(operation.summary) else { continue };
            unwritten.remove(operation.id);
            if !excepted.contains(&operation.id) {
                findings.push(Finding::new(&file.path, operation.line, format!("operation `{}`: {fault}", operation.id)));
            }
        }
    }
    let done = |id| Finding::new("xtask/src/tidy/summaries.rs", 1, format!("`{id}` is in order; take it out of SUMMARIES_TO_WRITE"));
    findings.extend(unwritten.into_iter().map(done));
    findings
}

fn operations(text: &str) -> Vec<Operation<'_>> {
    let lines: Vec<&str> = text.lines().map(str::trim).take(source::lines_before_tests(&source::code(text))).collect();
    let documented = |line: &&str| line.starts_with("///") || line.starts_with("#[");
    let mut operations = Vec::new();
    for at in (0..lines.len()).filter(|&at| lines[at].starts_with(BEGIN)) {
        let above = lines[..at].iter().rev().take_while(|line| documented(line)).count();
        let end = lines[at..].iter().position(|line| line.contains("fn ")).map_or(lines.len(), |length| at + length);
        let summary = lines[at - above..end].iter().find_map(|line| line.strip_prefix("///"));
        let id = lines[at..end].iter().find_map(|line| line.split_once("operation_id = \"")?.1.split('"').next());
        operations.push(Operation { id: id.unwrap_or("without an id"), line: at + 1, summary: summary.map(str::trim) });
    }
    operations
}

fn fault(summary: Option<&str>) -> Option<String> {
    let summary = summary.filter(|summary| !summary.is_empty());
    let Some(summary) = summary else { return Some("it has no summary: a line of documentation above it".to_owned()) };
    let first = summary.split(|one: char| !one.is_alphanumeric()).next().unwrap_or_default();
    let third_person = first.ends_with('s') && !first.ends_with("ss");
    let participle = first.ends_with("ed") && !first.ends_with("eed");
    (third_person || participle || NO_VERBS.contains(&first))
        .then(|| format!("\"{summary}\" is no command, such as \"Add a line to a cart.\""))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lines, tree};
    use super::*;

    const CODE: &str = "\
/// Add a line to a cart.
#[utoipa::path(post, operation_id = \"addLine\")]
async fn add() {}

/// Adds a line.
///
/// Twice is once.
#[utoipa::path(
    put,
    operation_id = \"setLine\",
)]
async fn set() {}

#[utoipa::path(delete, operation_id = \"removeLine\")]
async fn remove() {}
#[utoipa::path(get, operation_id = \"getLine\")]
/// Whether it is there.
async fn show() {}
/// Process a line.
#[utoipa::path(post, operation_id = \"processLine\")]
async fn process() {}
";

    #[test]
    fn summaries_are_commands() {
        let files = tree(&[("services/cart/src/http.rs", CODE), ("shell/tests/common.rs", CODE)]);
        let found = lines(judge(&files, &[]));
        assert_eq!(found.len(), 3, "{found:?}");
        for (line, start) in found.iter().zip([
            "services/cart/src/http.rs:8: operation `setLine`: \"Adds a line.\" is no command",
            "services/cart/src/http.rs:14: operation `removeLine`: it has no summary",
            "services/cart/src/http.rs:16: operation `getLine`: \"Whether",
        ]) {
            assert!(line.starts_with(start), "{line}");
        }
        assert_eq!(lines(judge(&files, &["setLine", "removeLine", "getLine"])), [""; 0]);
        let found = lines(judge(&files, &["setLine", "removeLine", "getLine", "addLine"]));
        assert!(found.len() == 1 && found[0].contains("`addLine` is in order"), "{found:?}");
    }
}

//! A catalog for measuring: a Shopify product export that is the same on every machine.

use std::fmt::Write;

const HEAD: &str = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Status\n";
const STOCK: u32 = 900_000;

const KINDS: [(&str, &str, [&str; 3]); 8] = [
    ("Lantern", "Size", ["Small", "Medium", "Large"]),
    ("Teapot", "Glaze", ["Celadon", "Cobalt", "Ash"]),
    ("Rug", "Length", ["120 cm", "180 cm", "240 cm"]),
    ("Scarf", "Colour", ["Saffron", "Indigo", "Rose"]),
    ("Basket", "Weave", ["Open", "Tight", "Twill"]),
    ("Bowl", "Wood", ["Olive", "Walnut", "Beech"]),
    ("Lamp", "Shade", ["Linen", "Paper", "Brass"]),
    ("Soap", "Scent", ["Laurel", "Orange", "Plain"]),
];
const MAKERS: [&str; 6] = ["Aydin & Sons", "Harbour Workshop", "North Loom", "Old Mill Pottery", "Riverside Collective", "Yard No. 7"];
const QUALITIES: [&str; 10] = ["Amber", "Quiet", "Festive", "Plain", "Hand-cut", "Winter", "Garden", "Traveller's", "Double", "Antique"];
/// Of descriptions, one a line.
const SENTENCES: &str = include_str!("sentences.txt");

/// `count` products of two or three variants each, with about a kilobyte of description.
pub fn shopify_csv(count: u32) -> String {
    let mut text = String::with_capacity(count as usize * 1800);
    text.push_str(HEAD);
    for number in 0..count {
        product(&mut text, number);
    }
    text
}

fn product(text: &mut String, number: u32) {
    let mixed = mix(number);
    let (kind, option, values) = KINDS[pick(mixed, KINDS.len())];
    let quality = QUALITIES[pick(mixed >> 8, QUALITIES.len())];
    let maker = MAKERS[pick(mixed >> 16, MAKERS.len())];
    let handle = format!("{}-{}-{number}", quality.to_lowercase().replace('\'', ""), kind.to_lowercase());
    let variants = 2 + pick(mixed >> 24, 2);
    for (index, value) in values.iter().take(variants).enumerate() {
        let cents = 500 + mix(number ^ 0x5eed) % 20_000 + u32::try_from(index).unwrap_or(0) * 350;
        // A row for each variant; what belongs to the product stands in the first.
        let about = if index == 0 {
            let body = description(mixed);
            format!("{quality} {kind} {number},\"{body}\",{maker},{kind},\"{}, handmade\",true,{option}", kind.to_lowercase())
        } else {
            ",,,,,,".to_owned()
        };
        let status = if index == 0 { "active" } else { "" };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{handle},{about},{value},B{number:05}-{index},{STOCK},{}.{:02},{status}", cents / 100, cents % 100);
    }
}

fn description(mixed: u32) -> String {
    let sentences: Vec<&str> = SENTENCES.lines().collect();
    let mut body = String::from("<p>");
    let mut next = pick(mixed >> 4, sentences.len());
    while body.len() < 1000 {
        body.push_str(sentences[next]);
        body.push_str(if body.len() % 3 == 0 { "</p><p>" } else { " " });
        // Five has no divisor in common with twelve, so every sentence comes up before one comes twice.
        next = (next + 5) % sentences.len();
    }
    body.push_str("</p>");
    body
}

fn pick(mixed: u32, count: usize) -> usize {
    mixed as usize % count
}

/// Spreads a number over all bits.
fn mix(number: u32) -> u32 {
    let mut mixed = number.wrapping_add(0x9e37_79b9);
    mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x21f0_aaad);
    mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x735a_2d97);
    mixed ^ (mixed >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalog_is_the_same_every_time_and_well_formed() {
        let text = shopify_csv(500);
        assert_eq!(text, shopify_csv(500));
        let columns = HEAD.split(',').count();
        let mut handles = BTreeSet::new();
        let mut rows = 0;
        for line in text.lines().skip(1) {
            // Commas within quotes are the only ones that do not divide columns.
            let outside: String = line.split('"').step_by(2).collect();
            assert_eq!(outside.matches(',').count() + 1, columns, "{line}");
            handles.insert(line.split(',').next().unwrap());
            rows += 1;
        }
        assert_eq!(handles.len(), 500);
        assert!((1100..1400).contains(&rows), "{rows} variants");
        let first = text.lines().nth(1).unwrap();
        assert!((1000..1400).contains(&first.len()), "{first}");
    }
}

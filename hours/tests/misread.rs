//! What an owner reads about a text that is not understood.

use hours::OpeningHours;

#[test]
fn a_problem_names_the_part() {
    for (text, expect) in [
        ("whenever we like", "`whenever` at character 1 is no word that is known here"),
        ("Mo-Fr 9-12; Sa 17", "`17` at character 16 has no end: write 10:00-18:00"),
        ("Mo-Fr 9-", "the end is no hour"),
        ("", "the end states no hours"),
        ("Mo-Fr 25:00-26:00", "`25:00` at character 7 begins after the end of the day"),
        ("Mo-Fr 10:00-10:75", "`75` at character 16 is more than 59 minutes"),
        ("Mo-Fr 10:00-18:00 \"hier", "`\"hier` at character 19 is a comment whose closing quotation mark is missing"),
        ("Mo-Fr 10:00-18:00 = x", "`=` at character 19 is a sign that opening hours do not have"),
        ("Feb 30 off", "`30` at character 5 is a day that the month does not have"),
        ("Dec 24,Su off", "`,` at character 7 joins days of different kinds"),
        ("Mo[7] 10:00-12:00", "`7` at character 4 does not say which one of the month"),
        ("2027-2025 Mo", "`2027-2025` at character 1 ends before it begins"),
        ("closed Mo", "`Mo` at character 8 comes after open, closed or unknown"),
        ("Mo 10:00-12:00/30", "`/` at character 15 repeats points in time"),
        ("Ä Mo", "`Ä` at character 1"),
        ("99999999999", "`99999999999` at character 1 is a number that nothing here can be"),
    ] {
        let misread = text.parse::<OpeningHours>().unwrap_err();
        assert!(misread.to_string().starts_with(expect), "{text}: {misread}");
        let part: String = text.chars().skip(misread.offset).take(misread.part.chars().count()).collect();
        assert_eq!(part, misread.part, "{text}");
    }
}

//! A small generator of numbers that look random, seeded so that every run asks for the same things.

pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        // SplitMix64 spreads neighbouring seeds apart and never leaves xorshift's forbidden zero.
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One of the values, or nothing if there are none.
    pub fn pick<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(values.len()).ok().filter(|&count| count > 0)?;
        values.get(usize::try_from(self.draw() % count).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_every_value_comes_up() {
        let draws = |seed| {
            let mut chance = Chance::new(seed);
            (0..64).map(|_| chance.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let mut chance = Chance::new(0);
        let mut seen = [0_u32; 5];
        for _ in 0..1000 {
            let &index = chance.pick(&[0_usize, 1, 2, 3, 4]).unwrap();
            seen[index] += 1;
        }
        assert!(seen.iter().all(|&count| count > 120), "{seen:?}");
        assert_eq!(chance.pick::<u8>(&[]), None);
    }
}

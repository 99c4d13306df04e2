//! Dot products of rows, four channels at a time.

/// Rows are padded with zeros to a multiple of this many operands.
pub(super) const ALIGN: usize = 16;

/// An operand type of the kernel.
pub(super) trait Operand: Copy + Default + Send + Sync {
    /// The operand that stands for `value`, which fits by the choice of the kernel.
    fn of(value: i32) -> Self;

    /// All dot products of `patches` with `weights`, both rows of `length` operands.
    ///
    /// `out[p · channels + c]` is the sum for patch `p` and channel `c`. `chunk` operands are summed before
    /// the sum is widened to 64 bits.
    fn products(patches: &[Self], weights: &[Self], length: usize, chunk: usize, out: &mut [i64]);
}

/// One dot product of a row with four rows, of one chunk.
trait Dot4: Copy {
    fn dot4(x: &[Self], w: [&[Self]; 4]) -> [i64; 4];
}

impl Dot4 for i16 {
    #[inline(always)]
    fn dot4(x: &[Self], w: [&[Self]; 4]) -> [i64; 4] {
        let n = x.len();
        let [a, b, c, d] = w.map(|w| &w[..n]);
        let mut sums = [0i32; 4];
        for i in 0..n {
            let x = i32::from(x[i]);
            sums[0] = sums[0].wrapping_add(x.wrapping_mul(i32::from(a[i])));
            sums[1] = sums[1].wrapping_add(x.wrapping_mul(i32::from(b[i])));
            sums[2] = sums[2].wrapping_add(x.wrapping_mul(i32::from(c[i])));
            sums[3] = sums[3].wrapping_add(x.wrapping_mul(i32::from(d[i])));
        }
        sums.map(i64::from)
    }
}

impl Dot4 for i32 {
    #[inline(always)]
    fn dot4(x: &[Self], w: [&[Self]; 4]) -> [i64; 4] {
        w.map(|w| {
            let products = x.iter().zip(w);
            products.fold(0i64, |sum, (&x, &w)| {
                sum.wrapping_add(i64::from(x).wrapping_mul(i64::from(w)))
            })
        })
    }
}

#[inline(always)]
fn products<T: Dot4>(patches: &[T], weights: &[T], length: usize, chunk: usize, out: &mut [i64]) {
    let channels = weights.len() / length;
    let row = |c: usize| {
        let c = c.min(channels - 1);
        &weights[c * length..(c + 1) * length]
    };
    for first in (0..channels).step_by(4) {
        let quad = [row(first), row(first + 1), row(first + 2), row(first + 3)];
        let valid = (channels - first).min(4);
        for (patch, out) in patches
            .chunks_exact(length)
            .zip(out.chunks_exact_mut(channels))
        {
            let mut sums = [0i64; 4];
            for start in (0..length).step_by(chunk) {
                let part = start..(start + chunk).min(length);
                let quad = quad.map(|w| &w[part.clone()]);
                let dots = T::dot4(&patch[part], quad);
                for (sum, dot) in sums.iter_mut().zip(dots) {
                    *sum = sum.wrapping_add(dot);
                }
            }
            out[first..first + valid].copy_from_slice(&sums[..valid]);
        }
    }
}

impl Operand for i16 {
    #[inline]
    fn of(value: i32) -> Self {
        Self::try_from(value).expect("the kernel was chosen for operands of 16 bits")
    }

    fn products(patches: &[Self], weights: &[Self], length: usize, chunk: usize, out: &mut [i64]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return wide::products_avx2(patches, weights, length, chunk, out);
        }
        products(patches, weights, length, chunk, out);
    }
}

impl Operand for i32 {
    #[inline]
    fn of(value: i32) -> Self {
        value
    }

    fn products(patches: &[Self], weights: &[Self], length: usize, chunk: usize, out: &mut [i64]) {
        products(patches, weights, length, chunk, out);
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    #![expect(
        unsafe_code,
        reason = "calling a function compiled for AVX2 needs the processor to have it"
    )]

    /// The same sums as [`super::products`], compiled for 256-bit registers.
    ///
    /// # Panics
    /// On a processor without AVX2.
    pub(super) fn products_avx2(
        p: &[i16],
        w: &[i16],
        length: usize,
        chunk: usize,
        out: &mut [i64],
    ) {
        assert!(
            std::arch::is_x86_feature_detected!("avx2"),
            "called only where AVX2 was found"
        );
        // SAFETY: the processor has AVX2, as asserted above; the body is safe code.
        unsafe { with_avx2(p, w, length, chunk, out) }
    }

    #[target_feature(enable = "avx2")]
    fn with_avx2(p: &[i16], w: &[i16], length: usize, chunk: usize, out: &mut [i64]) {
        super::products(p, w, length, chunk, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(patches: &[i16], weights: &[i16], length: usize) -> Vec<i64> {
        let mut sums = Vec::new();
        for patch in patches.chunks(length) {
            for row in weights.chunks(length) {
                let products = patch
                    .iter()
                    .zip(row)
                    .map(|(x, w)| i64::from(*x) * i64::from(*w));
                sums.push(products.sum());
            }
        }
        sums
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn every_form_of_the_kernel_gives_the_plain_sums(
            patches in 1usize..5, channels in 1usize..10, aligned in 1usize..5, bits in 2u32..=16, seed in any::<u64>(),
        ) {
            let length = aligned * ALIGN;
            // Extremes often, so that a sum too long for 32 bits would show.
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (low, high) = (-(1i32 << (bits - 1)), (1i32 << (bits - 1)) - 1);
                match state >> 62 { 0 => low, 1 => high, _ => i32::try_from((state >> 32) % 3).unwrap() - 1 }
            };
            let mut fill = |n: usize| (0..n).map(|_| i16::of(next())).collect::<Vec<_>>();
            let (x, w) = (fill(patches * length), fill(channels * length));
            let want = plain(&x, &w, length);
            // The largest chunk whose sum fits 32 bits.
            let chunk = usize::try_from(i32::MAX >> (2 * (bits - 1))).unwrap().min(length);
            let mut out = vec![0; want.len()];
            if chunk > 0 {
                products(&x, &w, length, chunk, &mut out);
                prop_assert_eq!(&out, &want);
                out.fill(-1);
                i16::products(&x, &w, length, chunk, &mut out);
                prop_assert_eq!(&out, &want);
            }
            let widen = |v: &[i16]| v.iter().map(|&v| i32::from(v)).collect::<Vec<_>>();
            i32::products(&widen(&x), &widen(&w), length, length, &mut out);
            prop_assert_eq!(&out, &want);
        }
    }
}

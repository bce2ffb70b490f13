//! BLS12-381 field elements, points, sums and pairings over the C library blst, in safe types.
//! The only file of the precompiles with `unsafe`: blst's own safe Rust interface signs and verifies,
//! but does not add points, and spreads sums and pairings over threads of its own.

#![allow(unsafe_code)]

use std::ptr;

use blst::{
    BLST_ERROR, blst_bendian_from_fp, blst_fp, blst_fp_from_bendian, blst_fp2, blst_fp12,
    blst_map_to_g1, blst_map_to_g2, blst_miller_loop_n, blst_p1, blst_p1_add_or_double_affine,
    blst_p1_affine, blst_p1_affine_in_g1, blst_p1_affine_is_inf, blst_p1_affine_on_curve,
    blst_p1_from_affine, blst_p1_generator, blst_p1_mult, blst_p1_to_affine, blst_p1_uncompress,
    blst_p1s_mult_pippenger, blst_p1s_mult_pippenger_scratch_sizeof, blst_p2,
    blst_p2_add_or_double_affine, blst_p2_affine, blst_p2_affine_in_g2, blst_p2_affine_is_inf,
    blst_p2_affine_on_curve, blst_p2_from_affine, blst_p2_generator, blst_p2_mult,
    blst_p2_to_affine, blst_p2_uncompress, blst_p2s_mult_pippenger,
    blst_p2s_mult_pippenger_scratch_sizeof, blst_scalar, blst_scalar_from_be_bytes,
};

/// The length of a field element, in bytes.
pub const FIELD_BYTES: usize = 48;

/// The modulus of the base field, big-endian (EIP-2537).
pub const FIELD_MODULUS: [u8; FIELD_BYTES] = [
    0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7,
    0x64, 0x77, 0x4b, 0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24,
    0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53, 0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];

/// The order of the subgroups, below which the scalars of EIP-4844 must stay; big-endian.
pub const SCALAR_MODULUS: [u8; 32] = [
    0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8, 0x08, 0x09, 0xa1, 0xd8, 0x05,
    0x53, 0xbd, 0xa4, 0x02, 0xff, 0xfe, 0x5b, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01,
];

/// The bits of a scalar below the order of the subgroups.
const SCALAR_BITS: usize = 255;

/// A number below [`FIELD_MODULUS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fp(blst_fp);

impl Fp {
    /// Reads 48 big-endian bytes; `None` if the number is not below the modulus.
    pub fn from_be_bytes(bytes: &[u8; FIELD_BYTES]) -> Option<Fp> {
        if *bytes >= FIELD_MODULUS {
            return None;
        }
        let mut fp = blst_fp::default();
        // SAFETY: 1. `fp` is a valid place for one element. 2. The function reads exactly 48 bytes,
        // which is the length of the array.
        unsafe { blst_fp_from_bendian(&mut fp, bytes.as_ptr()) };
        Some(Fp(fp))
    }

    /// The 48 big-endian bytes.
    pub fn to_be_bytes(self) -> [u8; FIELD_BYTES] {
        let mut bytes = [0; FIELD_BYTES];
        // SAFETY: 1. The function writes exactly 48 bytes, the length of the array. 2. `self.0` is
        // an initialised element.
        unsafe { blst_bendian_from_fp(bytes.as_mut_ptr(), &self.0) };
        bytes
    }
}

/// A multiplier of points, reduced modulo the order of the subgroups.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Scalar(blst_scalar);

impl Scalar {
    /// Reads 32 big-endian bytes and reduces them; `None` if that gives zero.
    pub fn reduced(bytes: &[u8; 32]) -> Option<Scalar> {
        let mut scalar = blst_scalar::default();
        // SAFETY: 1. `scalar` is a valid place for one scalar. 2. The pointer and the length are
        // those of one array.
        let is_not_zero =
            unsafe { blst_scalar_from_be_bytes(&mut scalar, bytes.as_ptr(), bytes.len()) };
        is_not_zero.then_some(Scalar(scalar))
    }
}

/// What the precompiles ask of a point of the curve (G1) or of its twist (G2).
///
/// A value is on the curve, or at infinity, which both coordinates zero stand for. It is in the
/// subgroup of prime order only if [`Point::is_in_subgroup`] says so.
pub trait Point: Copy {
    /// The number of field elements that the two coordinates have.
    const FIELD_ELEMENTS: usize;

    /// The point with these coordinates, in the order of EIP-2537; `None` if it is not on the curve.
    fn from_coordinates(coordinates: &[Fp]) -> Option<Self>;

    /// The coordinates, in the order of EIP-2537.
    fn coordinates(&self) -> impl AsRef<[Fp]>;

    /// Whether this is the point at infinity.
    fn is_infinity(&self) -> bool;

    /// Whether the point is in the subgroup of prime order.
    fn is_in_subgroup(&self) -> bool;

    /// The sum of two points of the curve.
    fn add(&self, other: &Self) -> Self;

    /// The sum of the multiples of `points`, which must be in the subgroup and not at infinity.
    ///
    /// # Panics
    ///
    /// If the two slices differ in length.
    fn sum_of_multiples(points: &[Self], scalars: &[Scalar]) -> Self;
}

/// A point of the curve over the base field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct G1(blst_p1_affine);

impl G1 {
    /// The generator of the subgroup.
    pub fn generator() -> G1 {
        // SAFETY: the function returns the address of a constant of the library.
        G1::from_jacobian(unsafe { &*blst_p1_generator() })
    }

    /// Reads a compressed point; `None` if it is malformed, off the curve or outside the subgroup.
    pub fn uncompress(bytes: &[u8; 48]) -> Option<G1> {
        let mut point = blst_p1_affine::default();
        // SAFETY: 1. The function reads exactly 48 bytes, the length of the array. 2. `point` is a
        // valid place for one point.
        let status = unsafe { blst_p1_uncompress(&mut point, bytes.as_ptr()) };
        let point = G1(point);
        (status == BLST_ERROR::BLST_SUCCESS && point.is_in_subgroup()).then_some(point)
    }

    /// The map of a field element to the subgroup (EIP-2537, "field to curve").
    pub fn map(element: Fp) -> G1 {
        let mut point = blst_p1::default();
        // SAFETY: 1. `point` is a valid place. 2. `element` is initialised. 3. The second element is
        // optional, and null where there is none.
        unsafe { blst_map_to_g1(&mut point, &element.0, ptr::null()) };
        G1::from_jacobian(&point)
    }

    /// The point with the other sign.
    pub fn negated(self) -> G1 {
        let mut y = blst_fp::default();
        // SAFETY: both are valid elements, and may be one.
        unsafe { blst::blst_fp_cneg(&mut y, &self.0.y, true) };
        G1(blst_p1_affine { x: self.0.x, y })
    }

    fn from_jacobian(point: &blst_p1) -> G1 {
        let mut affine = blst_p1_affine::default();
        // SAFETY: both are valid, initialised points. At infinity (Z = 0) the library's inverse of
        // Z is 0, and so are both coordinates.
        unsafe { blst_p1_to_affine(&mut affine, point) };
        G1(affine)
    }
}

impl Point for G1 {
    const FIELD_ELEMENTS: usize = 2;

    fn from_coordinates(coordinates: &[Fp]) -> Option<G1> {
        let &[Fp(x), Fp(y)] = coordinates else {
            return None;
        };
        let point = blst_p1_affine { x, y };
        // SAFETY: `point` is initialised.
        let is_on_curve =
            unsafe { blst_p1_affine_is_inf(&point) || blst_p1_affine_on_curve(&point) };
        is_on_curve.then_some(G1(point))
    }

    fn coordinates(&self) -> impl AsRef<[Fp]> {
        [Fp(self.0.x), Fp(self.0.y)]
    }

    fn is_infinity(&self) -> bool {
        // SAFETY: `self.0` is initialised.
        unsafe { blst_p1_affine_is_inf(&self.0) }
    }

    fn is_in_subgroup(&self) -> bool {
        // SAFETY: `self.0` is initialised.
        unsafe { blst_p1_affine_in_g1(&self.0) }
    }

    fn add(&self, other: &G1) -> G1 {
        let (mut left, mut sum) = (blst_p1::default(), blst_p1::default());
        // SAFETY: 1. All places are valid. 2. The sum is complete: it handles equal points, opposite
        // points and infinity.
        unsafe {
            blst_p1_from_affine(&mut left, &self.0);
            blst_p1_add_or_double_affine(&mut sum, &left, &other.0);
        }
        G1::from_jacobian(&sum)
    }

    fn sum_of_multiples(points: &[G1], scalars: &[Scalar]) -> G1 {
        assert_eq!(points.len(), scalars.len(), "one scalar for each point");
        if points.is_empty() {
            return G1(blst_p1_affine::default());
        }
        let mut sum = blst_p1::default();
        // SAFETY: as in G2, below.
        unsafe {
            if let ([point], [scalar]) = (points, scalars) {
                blst_p1_from_affine(&mut sum, &point.0);
                let point = sum;
                blst_p1_mult(&mut sum, &point, scalar.0.b.as_ptr(), SCALAR_BITS);
                return G1::from_jacobian(&sum);
            }
            let mut scratch = scratch(blst_p1s_mult_pippenger_scratch_sizeof(points.len()));
            blst_p1s_mult_pippenger(
                &mut sum,
                [points.as_ptr().cast(), ptr::null()].as_ptr(),
                points.len(),
                [scalars.as_ptr().cast(), ptr::null()].as_ptr(),
                SCALAR_BITS,
                scratch.as_mut_ptr(),
            );
        }
        G1::from_jacobian(&sum)
    }
}

/// A point of the twist, over the quadratic extension of the base field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct G2(blst_p2_affine);

impl G2 {
    /// The generator of the subgroup.
    pub fn generator() -> G2 {
        // SAFETY: the function returns the address of a constant of the library.
        G2::from_jacobian(unsafe { &*blst_p2_generator() })
    }

    /// Reads a compressed point; `None` if it is malformed, off the curve or outside the subgroup.
    pub fn uncompress(bytes: &[u8; 96]) -> Option<G2> {
        let mut point = blst_p2_affine::default();
        // SAFETY: 1. The function reads exactly 96 bytes, the length of the array. 2. `point` is a
        // valid place for one point.
        let status = unsafe { blst_p2_uncompress(&mut point, bytes.as_ptr()) };
        let point = G2(point);
        (status == BLST_ERROR::BLST_SUCCESS && point.is_in_subgroup()).then_some(point)
    }

    /// The map of an element of the extension, real part first, to the subgroup (EIP-2537).
    pub fn map(real: Fp, imaginary: Fp) -> G2 {
        let element = blst_fp2 {
            fp: [real.0, imaginary.0],
        };
        let mut point = blst_p2::default();
        // SAFETY: 1. `point` is a valid place. 2. `element` is initialised. 3. The second element is
        // optional, and null where there is none.
        unsafe { blst_map_to_g2(&mut point, &element, ptr::null()) };
        G2::from_jacobian(&point)
    }

    fn from_jacobian(point: &blst_p2) -> G2 {
        let mut affine = blst_p2_affine::default();
        // SAFETY: both are valid, initialised points. At infinity (Z = 0) the library's inverse of
        // Z is 0, and so are both coordinates.
        unsafe { blst_p2_to_affine(&mut affine, point) };
        G2(affine)
    }
}

impl Point for G2 {
    const FIELD_ELEMENTS: usize = 4;

    fn from_coordinates(coordinates: &[Fp]) -> Option<G2> {
        let &[Fp(x0), Fp(x1), Fp(y0), Fp(y1)] = coordinates else {
            return None;
        };
        let point = blst_p2_affine {
            x: blst_fp2 { fp: [x0, x1] },
            y: blst_fp2 { fp: [y0, y1] },
        };
        // SAFETY: `point` is initialised.
        let is_on_curve =
            unsafe { blst_p2_affine_is_inf(&point) || blst_p2_affine_on_curve(&point) };
        is_on_curve.then_some(G2(point))
    }

    fn coordinates(&self) -> impl AsRef<[Fp]> {
        let (blst_fp2 { fp: [x0, x1] }, blst_fp2 { fp: [y0, y1] }) = (self.0.x, self.0.y);
        [Fp(x0), Fp(x1), Fp(y0), Fp(y1)]
    }

    fn is_infinity(&self) -> bool {
        // SAFETY: `self.0` is initialised.
        unsafe { blst_p2_affine_is_inf(&self.0) }
    }

    fn is_in_subgroup(&self) -> bool {
        // SAFETY: `self.0` is initialised.
        unsafe { blst_p2_affine_in_g2(&self.0) }
    }

    fn add(&self, other: &G2) -> G2 {
        let (mut left, mut sum) = (blst_p2::default(), blst_p2::default());
        // SAFETY: 1. All places are valid. 2. The sum is complete: it handles equal points, opposite
        // points and infinity.
        unsafe {
            blst_p2_from_affine(&mut left, &self.0);
            blst_p2_add_or_double_affine(&mut sum, &left, &other.0);
        }
        G2::from_jacobian(&sum)
    }

    fn sum_of_multiples(points: &[G2], scalars: &[Scalar]) -> G2 {
        assert_eq!(points.len(), scalars.len(), "one scalar for each point");
        if points.is_empty() {
            return G2(blst_p2_affine::default());
        }
        let mut sum = blst_p2::default();
        // SAFETY: 1. G2 is `repr(transparent)` over the affine point and `Scalar` over 32 bytes, so
        // each slice is the contiguous array that the library reads from a pointer followed by null.
        // 2. Both slices have `points.len()` elements, at least one. 3. The scratch space has the
        // size that the library asks for, and is aligned as its limbs. 4. A scalar has the bits that
        // are read of it, and one multiple is complete for any point of the subgroup.
        unsafe {
            if let ([point], [scalar]) = (points, scalars) {
                // The sum does not use the endomorphism, and takes up to twice the time.
                blst_p2_from_affine(&mut sum, &point.0);
                let point = sum;
                blst_p2_mult(&mut sum, &point, scalar.0.b.as_ptr(), SCALAR_BITS);
                return G2::from_jacobian(&sum);
            }
            let mut scratch = scratch(blst_p2s_mult_pippenger_scratch_sizeof(points.len()));
            blst_p2s_mult_pippenger(
                &mut sum,
                [points.as_ptr().cast(), ptr::null()].as_ptr(),
                points.len(),
                [scalars.as_ptr().cast(), ptr::null()].as_ptr(),
                SCALAR_BITS,
                scratch.as_mut_ptr(),
            );
        }
        G2::from_jacobian(&sum)
    }
}

/// Whether the product of the pairings is one. All points must be in their subgroups; a pair with
/// a point at infinity counts as one.
pub fn product_of_pairings_is_one(pairs: impl IntoIterator<Item = (G1, G2)>) -> bool {
    let (ps, qs): (Vec<G1>, Vec<G2>) = pairs
        .into_iter()
        .filter(|(p, q)| !p.is_infinity() && !q.is_infinity())
        .unzip();
    if ps.is_empty() {
        return true;
    }
    let mut product = blst_fp12::default();
    // SAFETY: 1. G1 and G2 are `repr(transparent)` over the affine points, so each vector is the
    // contiguous array that the library reads from a pointer followed by null. 2. Both have
    // `ps.len()` elements, at least one. 3. `product` is a valid place.
    unsafe {
        blst_miller_loop_n(
            &mut product,
            [qs.as_ptr().cast(), ptr::null()].as_ptr(),
            [ps.as_ptr().cast(), ptr::null()].as_ptr(),
            ps.len(),
        );
    }
    product.final_exp() == blst_fp12::default()
}

/// Zeroed space of at least `bytes` bytes, aligned as the library's limbs.
fn scratch(bytes: usize) -> Vec<u64> {
    vec![0; bytes.div_ceil(size_of::<u64>())]
}

// The decimal digits of a double by Grisu2 (F. Loitsch, "Printing Floating-Point Numbers Quickly
// and Accurately with Integers", PLDI 2010).
//
//   1. The double and the middles to its two neighbours become 64-bit fractions with one exponent.
//   2. All three are multiplied by a power of ten that brings that exponent between -60 and -32.
//   3. Digits of the upper bound are made until what is left is less than the gap between the
//      bounds; the last digit is then moved towards the double itself.
//
// The digits always read back as the same double, but in one case of a thousand they are not the
// fewest. Redis 7.2 prints scores by this method, and clients compare texts: fewer digits would be
// a difference.

/// Up to 17 decimal digits with the power of ten of the last one.
struct DecimalDigits {
    /// Most digits of a double.
    static let countMax = 17

    private(set) var digits = InlineArray<18, UInt8>(repeating: 0)
    private(set) var count = 0
    /// The number is `digits` × 10^`exponent`.
    private(set) var exponent = 0

    /// A fraction times a power of two.
    private struct Scaled {
        var fraction: UInt64
        var exponent: Int

        /// The product, rounded to 64 bits.
        func times(_ other: Scaled) -> Scaled {
            let product = fraction.multipliedFullWidth(by: other.fraction)
            let rounded = product.high &+ (product.low >> 63)
            return Scaled(fraction: rounded, exponent: exponent + other.exponent + 64)
        }
    }

    private static let hiddenBit: UInt64 = 1 << 52
    private static let exponentBias = 1075

    /// The digits of a finite number above zero.
    init(_ value: Double) {
        precondition(value.isFinite && value > 0, "zero and the specials have no digits")
        let bits = value.bitPattern
        let biased = Int(bits >> 52)
        let fraction = bits & (DecimalDigits.hiddenBit - 1)
        var number = Scaled(
            fraction: biased > 0 ? fraction | DecimalDigits.hiddenBit : fraction,
            exponent: (biased > 0 ? biased : 1) - DecimalDigits.exponentBias)

        // The middle to the next double above, and to the one below, which is half as far away
        // when the fraction is the smallest of its exponent.
        var upper = Scaled(fraction: (number.fraction << 1) + 1, exponent: number.exponent - 1)
        let upperShift = upper.fraction.leadingZeroBitCount
        upper.fraction <<= UInt64(upperShift)
        upper.exponent -= upperShift
        let lowerShift = number.fraction == DecimalDigits.hiddenBit ? 2 : 1
        var lower = Scaled(
            fraction: (number.fraction << UInt64(lowerShift)) - 1,
            exponent: number.exponent - lowerShift)
        lower.fraction <<= UInt64(lower.exponent - upper.exponent)
        lower.exponent = upper.exponent
        let shift = number.fraction.leadingZeroBitCount
        number.fraction <<= UInt64(shift)
        number.exponent -= shift

        let (power, powerExponent) = DecimalDigits.power(for: upper.exponent)
        number = number.times(power)
        upper = upper.times(power)
        lower = lower.times(power)
        lower.fraction += 1
        upper.fraction -= 1
        exponent = -powerExponent
        generate(number, upper, lower)
    }

    private mutating func append(_ digit: UInt64) {
        guard digit > 0 || count > 0 else { return }
        digits[count] = UInt8(truncatingIfNeeded: digit) + UInt8(ascii: "0")
        count += 1
    }

    /// Appends the digits at these places.
    func append(_ places: Range<Int>, to buffer: inout ByteBuffer) {
        for place in places { buffer.append(digits[place]) }
    }

    /// Step 3.
    private mutating func generate(_ number: Scaled, _ upper: Scaled, _ lower: Scaled) {
        let shift = UInt64(-upper.exponent)
        let one: UInt64 = 1 << shift
        let wanted = upper.fraction - number.fraction
        var delta = upper.fraction - lower.fraction
        var whole = upper.fraction >> shift
        var rest = upper.fraction & (one - 1)
        var divisor: UInt64 = 1_000_000_000
        var power = 10
        while power > 0 {
            append(whole / divisor)
            whole %= divisor
            power -= 1
            let left = (whole << shift) + rest
            if left <= delta {
                exponent += power
                return approach(delta, left, divisor << shift, wanted)
            }
            divisor /= 10
        }
        var unit: UInt64 = 1
        while true {
            rest = rest &* 10
            delta = delta &* 10
            unit = unit &* 10
            power -= 1
            append(rest >> shift)
            rest &= one - 1
            if rest < delta {
                exponent += power
                return approach(delta, rest, one, wanted &* unit)
            }
        }
    }

    /// Lowers the last digit while that brings the text closer to the number.
    private mutating func approach(
        _ delta: UInt64, _ left: UInt64, _ unit: UInt64, _ wanted: UInt64
    ) {
        var left = left
        while left < wanted, delta &- left >= unit,
            left &+ unit < wanted || wanted &- left > left &+ unit &- wanted
        {
            digits[count - 1] -= 1
            left = left &+ unit
        }
    }

    // MARK: Powers of ten

    private static let firstPower = -348
    private static let powerStep = 8

    /// A power of ten that brings a fraction with this exponent between 2^-60 and 2^-32, and which.
    private static func power(for exponent: Int) -> (power: Scaled, exponent: Int) {
        let estimate = Int(-Double(exponent + powers.count) * 0.30102999566398114)
        var index = (estimate - firstPower) / powerStep
        while true {
            let decimal = firstPower + index * powerStep
            // floor(log2(10) · decimal) - 63, exact in this range.
            let binary = ((decimal * 217_706) >> 16) - 63
            let reached = exponent + binary + 64
            if reached < -60 {
                index += 1
            } else if reached > -32 {
                index -= 1
            } else {
                return (Scaled(fraction: powers[index], exponent: binary), decimal)
            }
        }
    }

    /// 10^-348, 10^-340, … 10^340 as 64-bit fractions with the highest bit set, rounded.
    private static let powers: [UInt64] = [
        0xFA8F_D5A0_081C_0288, 0xBAAE_E17F_A23E_BF76, 0x8B16_FB20_3055_AC76,
        0xCF42_894A_5DCE_35EA, 0x9A6B_B0AA_5565_3B2D, 0xE61A_CF03_3D1A_45DF,
        0xAB70_FE17_C79A_C6CA, 0xFF77_B1FC_BEBC_DC4F, 0xBE56_91EF_416B_D60C,
        0x8DD0_1FAD_907F_FC3C, 0xD351_5C28_3155_9A83, 0x9D71_AC8F_ADA6_C9B5,
        0xEA9C_2277_23EE_8BCB, 0xAECC_4991_4078_536D, 0x823C_1279_5DB6_CE57,
        0xC210_9436_4DFB_5637, 0x9096_EA6F_3848_984F, 0xD774_85CB_2582_3AC7,
        0xA086_CFCD_97BF_97F4, 0xEF34_0A98_172A_ACE5, 0xB238_67FB_2A35_B28E,
        0x84C8_D4DF_D2C6_3F3B, 0xC5DD_4427_1AD3_CDBA, 0x936B_9FCE_BB25_C996,
        0xDBAC_6C24_7D62_A584, 0xA3AB_6658_0D5F_DAF6, 0xF3E2_F893_DEC3_F126,
        0xB5B5_ADA8_AAFF_80B8, 0x8762_5F05_6C7C_4A8B, 0xC9BC_FF60_34C1_3053,
        0x964E_858C_91BA_2655, 0xDFF9_7724_7029_7EBD, 0xA6DF_BD9F_B8E5_B88F,
        0xF8A9_5FCF_8874_7D94, 0xB944_7093_8FA8_9BCF, 0x8A08_F0F8_BF0F_156B,
        0xCDB0_2555_6531_31B6, 0x993F_E2C6_D07B_7FAC, 0xE45C_10C4_2A2B_3B06,
        0xAA24_2499_6973_92D3, 0xFD87_B5F2_8300_CA0E, 0xBCE5_0864_9211_1AEB,
        0x8CBC_CC09_6F50_88CC, 0xD1B7_1758_E219_652C, 0x9C40_0000_0000_0000,
        0xE8D4_A510_0000_0000, 0xAD78_EBC5_AC62_0000, 0x813F_3978_F894_0984,
        0xC097_CE7B_C907_15B3, 0x8F7E_32CE_7BEA_5C70, 0xD5D2_38A4_ABE9_8068,
        0x9F4F_2726_179A_2245, 0xED63_A231_D4C4_FB27, 0xB0DE_6538_8CC8_ADA8,
        0x83C7_088E_1AAB_65DB, 0xC45D_1DF9_4271_1D9A, 0x924D_692C_A61B_E758,
        0xDA01_EE64_1A70_8DEA, 0xA26D_A399_9AEF_774A, 0xF209_787B_B47D_6B85,
        0xB454_E4A1_79DD_1877, 0x865B_8692_5B9B_C5C2, 0xC835_53C5_C896_5D3D,
        0x952A_B45C_FA97_A0B3, 0xDE46_9FBD_99A0_5FE3, 0xA59B_C234_DB39_8C25,
        0xF6C6_9A72_A398_9F5C, 0xB7DC_BF53_54E9_BECE, 0x88FC_F317_F222_41E2,
        0xCC20_CE9B_D35C_78A5, 0x9816_5AF3_7B21_53DF, 0xE2A0_B5DC_971F_303A,
        0xA8D9_D153_5CE3_B396, 0xFB9B_7CD9_A4A7_443C, 0xBB76_4C4C_A7A4_4410,
        0x8BAB_8EEF_B640_9C1A, 0xD01F_EF10_A657_842C, 0x9B10_A4E5_E991_3129,
        0xE710_9BFB_A19C_0C9D, 0xAC28_20D9_623B_F429, 0x8044_4B5E_7AA7_CF85,
        0xBF21_E440_03AC_DD2D, 0x8E67_9C2F_5E44_FF8F, 0xD433_179D_9C8C_B841,
        0x9E19_DB92_B4E3_1BA9, 0xEB96_BF6E_BADF_77D9, 0xAF87_023B_9BF0_EE6B,
    ]
}

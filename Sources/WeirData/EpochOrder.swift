/// The order of an epoch's samples: a permutation that depends on the seed and the epoch alone, so a stopped run needs only its
/// position to go on.
public struct EpochOrder: Sendable {
  /// Sample indexes, each once.
  public let rows: [UInt32]

  /// The permutation of `count` samples (Fisher-Yates over counter-based random numbers).
  public init(count: Int, seed: UInt64, epoch: Int) {
    precondition(count >= 0 && count <= Int(UInt32.max))
    var rows = (0..<UInt32(count)).map { $0 }
    let key = Self.mix(Self.mix(seed) ^ UInt64(bitPattern: Int64(epoch)))
    var last = count - 1
    while last > 0 {
      let random = Self.mix(key &+ UInt64(last) &* 0x9e37_79b9_7f4a_7c15)
      rows.swapAt(last, Int(random.multipliedFullWidth(by: UInt64(last) + 1).high))
      last -= 1
    }
    self.rows = rows
  }

  /// SplitMix64's finaliser (Steele, Lea, Flood 2014): every bit of the output depends on every bit of the input.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

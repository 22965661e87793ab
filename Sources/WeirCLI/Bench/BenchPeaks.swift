import Weir

/// The machine's peaks for every number of threads: the best over all rounds, since others may use the machine.
struct BenchPeaks {
  private var measured: [Int: [MachinePeak]] = [:]

  /// Memory is read once, for a tenth of a second; the multipliers are looked at again in every round.
  init(threads: [Int]) throws(WeirError) {
    for count in threads where measured[count] == nil { measured[count] = [try MachinePeak.measure(threads: count, seconds: 0.1)] }
  }

  /// Looks again at the multipliers.
  mutating func measureAgain() throws(WeirError) {
    for count in threads { measured[count]?.append(try MachinePeak.measure(threads: count, seconds: 0.02, readBytes: 0)) }
  }

  var threads: [Int] { measured.keys.sorted() }
  var instructionSet: String { measured.values.first?.first?.instructionSet ?? "" }

  private func best(_ threads: Int, _ rate: (MachinePeak) -> Double?) -> Double? { measured[threads]?.compactMap(rate).max() }

  /// Operations a second of multiply-adds.
  func multiplyAdd(_ threads: Int) -> Double { best(threads) { $0.multiplyAdd } ?? .nan }
  /// Operations a second of bf16 dot products; nil where the CPU has none.
  func bf16(_ threads: Int) -> Double? { best(threads) { $0.bf16 } }
  /// Bytes a second from memory.
  func read(_ threads: Int) -> Double { best(threads) { $0.read } ?? .nan }
  /// Memory that was read.
  func readBytes(_ threads: Int) -> Int { measured[threads]?.first?.readBytes ?? 0 }

  /// What a case's arithmetic is compared with.
  func arithmetic(_ benchCase: BenchCase) -> Double {
    switch benchCase.precision {
    case .f32: multiplyAdd(benchCase.threads)
    // Without dot products each product is a multiply-add of f32.
    case .bf16: bf16(benchCase.threads) ?? multiplyAdd(benchCase.threads)
    }
  }

  var json: JSONText {
    .array(
      threads.map { count in
        .object([
          ("threads", .integer(count)), ("fma_flops_per_s", .number(multiplyAdd(count))),
          ("bf16_flops_per_s", bf16(count).map { .number($0) } ?? .null), ("read_bytes_per_s", .number(read(count))),
          ("read_bytes", .integer(readBytes(count))),
        ])
      })
  }
}

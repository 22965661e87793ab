import CWeir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What this machine did at most, by the instruction set that models use: what measurements are to be compared with.
///
/// ```swift
/// let peak = try MachinePeak.measure(threads: 2)
/// print(peak.multiplyAdd / 1e9, "GFLOP/s,", (peak.read ?? 0) / 1e9, "GB/s")
/// ```
public struct MachinePeak: Sendable, Hashable {
  /// "ref", "avx2", "avx512", "avx512bf16" or "neon".
  public let instructionSet: String
  /// Threads that measured.
  public let threads: Int
  /// Operations a second of f32 multiply-adds in registers, two for each.
  public let multiplyAdd: Double
  /// Operations a second of bf16 dot products added to f32; nil where the instruction set has none.
  public let bf16: Double?
  /// Bytes a second read from memory; nil when left out.
  public let read: Double?
  /// Bytes of memory that were read.
  public let readBytes: Int

  /// Memory to read that the caches which so many threads reach do not hold: 256 MiB, or where the system says that its last-level caches are
  /// large up to twice their size, at most 128 MiB a thread.
  public static func defaultReadBytes(threads: Int) -> Int {
    #if canImport(Glibc)
      let cache = Int(sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)))
    #else
      let cache = 0
    #endif
    return max(256 << 20, min(2 * cache, threads * 128 << 20))
  }

  /// Measures the peaks.
  ///
  /// - Parameters:
  ///   - threads: threads at once.
  ///   - seconds: how long each peak is looked for; the best of many short runs counts, since others may use the machine.
  ///   - readBytes: memory to read; 0 leaves that out, nil means `defaultReadBytes`.
  /// - Throws: `WeirError.Code.argument` for a count out of range, `memory` when there is none to read.
  public static func measure(
    threads: Int = 1, seconds: Double = 0.05, readBytes: Int? = nil
  ) throws(WeirError) -> MachinePeak {
    var options = weir_peak_options_default()
    options.threads = try checkedCount(threads, "threads", in: 1...1024)
    options.read_bytes = try checkedCount(readBytes ?? defaultReadBytes(threads: threads), "readBytes", in: 0...1 << 40)
    options.seconds = seconds
    var peak = weir_peak()
    try checkEngine("peak", weir_machine_peak(&options, nil, &peak))
    return MachinePeak(peak)
  }

  private init(_ peak: weir_peak) {
    instructionSet = String(cString: peak.isa)
    threads = peak.threads
    multiplyAdd = peak.fma
    bf16 = peak.bf16 > 0 ? peak.bf16 : nil
    read = peak.read > 0 ? peak.read : nil
    readBytes = peak.read_bytes
  }
}

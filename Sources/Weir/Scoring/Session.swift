import CWeir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A scoring workspace over a flow. It belongs to one thread at a time (it is not Sendable; make one per thread), takes all its memory
/// when made, and then allocates nothing in the calls that work on buffers.
///
/// ```swift
/// let session = try flow.session(batch: 32, threads: 2)
/// try session.score(pixels, into: logLikelihoods)   // buffers of Float [n, c, h, w] and Double [n]
/// ```
public final class Session {
  /// The flow that this session computes.
  public let flow: Flow
  /// Most samples computed at once.
  public let batch: Int
  /// What its networks compute in.
  public let precision: Precision
  /// Bytes that the session holds.
  public let bytes: Int

  let handle: OpaquePointer
  private let memory: UnsafeMutableRawPointer
  private let executor: SessionExecutor?

  init(
    _ flow: Flow, batch: Int, threads: Int, noise: Noise, precision: Precision, executor: SessionExecutor?
  ) throws(WeirError) {
    var options = try Session.options(batch: batch, threads: threads, noise: noise, precision: precision)
    options.executor = executor.map { UnsafePointer($0.handle) }
    var bytes = 0
    try checkEngine("session", weir_session_size(flow.handle, &options, &bytes))
    // Swift's own allocation ends the program when there is no memory.
    guard let memory = malloc(bytes) else {
      throw WeirError(.memory, where: "session", "there is no memory for \(bytes) bytes; lower the batch or the threads")
    }
    var session: OpaquePointer?
    let status = weir_session_init(flow.handle, &options, memory, bytes, &session)
    guard status == WEIR_OK, let session else {
      free(memory)
      throw WeirError(WeirError.Code(rawValue: status), where: "session", String(cString: weir_status_text(status)))
    }
    self.flow = flow
    self.batch = batch
    self.precision = precision
    self.bytes = bytes
    self.memory = memory
    self.executor = executor
    handle = session
  }

  deinit { free(memory) }

  /// Sets the index of the next sample, for seeded noise. Every score, forward, inverse, trace and profile
  /// call advances it. Starts at 0.
  public func seek(to index: UInt64) {
    _ = weir_session_seek(handle, index)
  }

  /// Cuts n samples into batches and calls the engine for each.
  func inBatches(_ n: Int, _ function: StaticString, _ body: (_ start: Int, _ count: Int) -> weir_status) throws(WeirError) {
    var start = 0
    while start < n {
      let count = min(batch, n - start)
      try checkEngine(function, body(start, count))
      start += count
    }
  }

  /// Samples in `count` numbers; refuses a remainder and an output that is too small.
  func samples(_ count: Int, _ function: StaticString, outputs: Int, perSample: Int) throws(WeirError) -> Int {
    let dims = flow.info.dims
    guard count.isMultiple(of: dims) else {
      throw WeirError(.shape, where: "\(function)", "\(count) numbers are not a whole number of samples of \(dims)")
    }
    let n = count / dims
    guard outputs >= n * perSample else {
      throw WeirError(.shape, where: "\(function)", "the output holds \(outputs) numbers; \(n) samples need \(n * perSample)")
    }
    return n
  }
}

import CWeir

/// What `Session.trace` reports after each step. The buffers are valid during the call only.
public struct TraceEvent {
  /// Index of the step in the model.
  public let step: Int
  /// "coupling", "squeeze", ...
  public let op: String
  /// [c, h, w] after the step.
  public let shape: [Int]
  /// The map after the step, Float [c, h, w].
  public let x: UnsafeBufferPointer<Float>
  /// The log-scale a coupling added, 0 where it changes nothing; nil for other steps.
  public let s: UnsafeBufferPointer<Float>?
  /// The shift of a coupling, likewise.
  public let t: UnsafeBufferPointer<Float>?
  /// This step's part of log|det dz/dx|, nats.
  public let logdet: Double

  init(_ event: weir_trace_event) {
    step = event.step
    op = String(cString: event.op)
    shape = [event.shape.0, event.shape.1, event.shape.2]
    let count = shape.reduce(1, *)
    x = UnsafeBufferPointer(start: event.x, count: count)
    s = event.s.map { UnsafeBufferPointer(start: $0, count: count) }
    t = event.t.map { UnsafeBufferPointer(start: $0, count: count) }
    logdet = event.logdet
  }
}

extension Session {
  /// Runs one sample forward and calls `body` after every step.
  ///
  /// - Parameters:
  ///   - x: Float [c, h, w] with image values 0..255, or [dims].
  ///   - body: called after every step.
  /// - Throws: `WeirError.Code.shape` when x is not one sample.
  public func trace(_ x: UnsafeBufferPointer<Float>, _ body: (TraceEvent) -> Void) throws(WeirError) {
    guard x.count == flow.info.dims else {
      throw WeirError(.shape, where: "trace", "\(x.count) numbers are not one sample of \(flow.info.dims)")
    }
    let status = withoutActuallyEscaping(body) { escaping in
      var callback = escaping
      return withUnsafeMutablePointer(to: &callback) { pointer in
        weir_trace(
          handle, x.baseAddress,
          { user, event in
            guard let user, let event else { return }
            user.assumingMemoryBound(to: ((TraceEvent) -> Void).self).pointee(TraceEvent(event.pointee))
          }, pointer)
      }
    }
    try checkEngine("trace", status)
  }

  /// As `trace`, for an array.
  public func trace(_ x: [Float], _ body: (TraceEvent) -> Void) throws(WeirError) {
    try x.withUnsafeBufferPointer { input throws(WeirError) in try trace(input, body) }
  }
}

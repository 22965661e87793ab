import CWeir

/// How long a part of a pass took. A pass is what scoring does at once: a few images, or many rows of a table.
public struct ProfileEvent: Sendable, Hashable {
  /// Which part of a pass.
  public enum Part: Sendable, Hashable {
    /// A layer of a step: `flow.steps[step].layers[layer]`, or `flow.density` of the last step.
    case layer(step: Int, layer: Int)
    /// A step, after its layers. One more than the model has, the last, is the density of the latents.
    case step(Int)
    /// All of it, after its steps; with reading x, which comes before them.
    case pass
  }

  /// Which part of the pass this is about.
  public let part: Part
  /// Of a layer, what the session ran for it: `flow.steps` names the kernels of float32, this those of the session's precision. nil for other
  /// parts.
  public let description: LayerDescription?
  /// Index, in the call, of the pass's first sample.
  public let firstSample: Int
  /// Samples of the pass.
  public let samples: Int
  /// When it began, in nanoseconds since the call did. What `body` takes is left out.
  public let start: UInt64
  /// How long it took.
  public let nanoseconds: UInt64
  /// Multiplications and additions for the samples.
  public let flops: Double
  /// Bytes touched at least: weights once, inputs and outputs of every sample once, wherever they lie.
  public let bytes: Double

  init(_ event: weir_profile_event) {
    switch Int(event.kind) {
    case WEIR_PROFILE_LAYER: part = .layer(step: event.step, layer: event.layer)
    case WEIR_PROFILE_STEP: part = .step(event.step)
    default: part = .pass
    }
    description = event.described.map { LayerDescription($0.pointee) }
    firstSample = event.first
    samples = event.n
    start = event.start
    nanoseconds = event.nanoseconds
    flops = event.flops
    bytes = event.bytes
  }
}

extension Session {
  /// Scores samples as `score` does, to the bit, and reports how long each layer, step and pass took.
  ///
  /// ```swift
  /// for event in try session.profile(pictures) { if case .step(let index) = event.part { print(index, event.nanoseconds) } }
  /// ```
  ///
  /// Passes follow each other, each on all of the session's threads. `score` does the same when a batch is one pass; more of them it runs side
  /// by side, one a thread, so that on several threads a large batch takes less than the sum of these times.
  ///
  /// - Parameters:
  ///   - x: Float [n, c, h, w] with image values 0..255, or [n, dims]; n is 1 to the session's batch.
  ///   - logLikelihood: Double [n], nats.
  ///   - body: called for every layer, after its layers for every step, after its steps for every pass. It must not use the session.
  /// - Throws: `WeirError.Code.shape` when the counts do not fit; then nothing is written.
  public func profile(
    _ x: UnsafeBufferPointer<Float>, into logLikelihood: UnsafeMutableBufferPointer<Double>, _ body: (ProfileEvent) -> Void
  ) throws(WeirError) {
    let n = try samples(x.count, "profile", outputs: logLikelihood.count, perSample: 1)
    guard (1...batch).contains(n) else {
      throw WeirError(.shape, where: "profile", "\(n) samples are not 1 to \(batch), the session's batch")
    }
    let status = withoutActuallyEscaping(body) { escaping in
      var callback = escaping
      return withUnsafeMutablePointer(to: &callback) { pointer in
        weir_profile(
          handle, x.baseAddress, n, logLikelihood.baseAddress,
          { user, event in
            guard let user, let event else { return }
            user.assumingMemoryBound(to: ((ProfileEvent) -> Void).self).pointee(ProfileEvent(event.pointee))
          }, pointer)
      }
    }
    try checkEngine("profile", status)
  }

  /// As `profile`, for an array of Float [n, ...]; gives the events of one call.
  public func profile(_ x: [Float]) throws(WeirError) -> [ProfileEvent] {
    var events: [ProfileEvent] = []
    events.reserveCapacity(eventsOfPass)
    var scores = [Double](repeating: 0, count: x.count / flow.info.dims)
    try x.withUnsafeBufferPointer { input throws(WeirError) in
      try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in
        try profile(input, into: output) { events.append($0) }
      }
    }
    return events
  }

  /// Events of one pass.
  private var eventsOfPass: Int { flow.steps.reduce(3) { $0 + $1.layers.count + 1 } }
}

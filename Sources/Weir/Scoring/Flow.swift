import CWeir

/// An opened normalizing flow: architecture and weights. Immutable, so any number of sessions on any threads may share it.
///
/// ```swift
/// let flow = try Flow.open("fashion.safetensors")
/// let session = try flow.session()
/// let nats = try session.score(pixels)   // log-likelihood of each image; lower is more anomalous
/// ```
public final class Flow: Sendable {
  nonisolated(unsafe) let handle: OpaquePointer

  /// Shape, sizes and cost.
  public let info: FlowInfo

  /// The invertible steps in order, data to latent.
  public let steps: [StepDescription]

  /// What scoring runs after them: the density of the latents.
  public let density: LayerDescription

  private init(adopting model: OpaquePointer) throws(WeirError) {
    handle = model
    let read: (info: FlowInfo, steps: [StepDescription], density: LayerDescription)
    do {
      let info = try FlowInfo(model)
      var steps: [StepDescription] = []
      for index in 0..<info.stepCount { steps.append(try StepDescription(model, index)) }
      read = (info, steps, try LayerDescription(model, step: info.stepCount, layer: 0))
    } catch {
      weir_model_close(model)
      throw error
    }
    (info, steps, density) = read
  }

  deinit { weir_model_close(handle) }

  /// Opens a model file.
  ///
  /// - Parameter path: a safetensors file with a "weir" entry.
  /// - Throws: `WeirError` with code `io`, `format`, `version`, `spec`, `tensor` or `memory`, naming the place in the file.
  public static func open(_ path: String) throws(WeirError) -> Flow {
    var model: OpaquePointer?
    try callEngine("open", file: path) { weir_model_open(path, nil, &model, $0) }
    return try adopt(model)
  }

  /// Opens a model from the bytes of its file, for example an array linked into the program. The bytes are not kept.
  ///
  /// - Throws: as ``open(_:)``.
  public static func open(bytes: UnsafeRawBufferPointer) throws(WeirError) -> Flow {
    var model: OpaquePointer?
    try callEngine("open") { weir_model_open_memory(bytes.baseAddress, bytes.count, nil, &model, $0) }
    return try adopt(model)
  }

  /// Opens a model from the bytes of its file.
  ///
  /// - Throws: as ``open(_:)``.
  public static func open(bytes: [UInt8]) throws(WeirError) -> Flow {
    try bytes.withUnsafeBufferPointer { buffer throws(WeirError) in try open(bytes: UnsafeRawBufferPointer(buffer)) }
  }

  private static func adopt(_ model: OpaquePointer?) throws(WeirError) -> Flow {
    guard let model else { throw WeirError(.memory, where: "open", "the engine gave no model") }
    return try Flow(adopting: model)
  }

  /// The model's JSON description: the "weir" entry of its file.
  public var spec: String { String(cString: weir_model_spec(handle)) }

  /// Makes a scoring workspace, which belongs to one thread at a time.
  ///
  /// - Parameters:
  ///   - batch: most samples computed at once; longer inputs are cut into batches. Scores do not depend on it.
  ///   - threads: threads a call may use. 1 touches no threading runtime. Scores do not depend on it.
  ///   - noise: dequantization noise of 8-bit images.
  ///   - precision: what the networks compute in.
  ///   - executor: whose threads they are; nil for OpenMP's.
  /// - Throws: `WeirError.Code.argument` for a count below 1, `memory` when there is none for the workspace.
  public func session(
    batch: Int = 32, threads: Int = 1, noise: Noise = .midpoint, precision: Precision = .f32, executor: SessionExecutor? = nil
  ) throws(WeirError) -> Session {
    try Session(self, batch: batch, threads: threads, noise: noise, precision: precision, executor: executor)
  }

  /// Bytes that a session with these options takes.
  ///
  /// - Throws: `WeirError.Code.argument` for a count below 1.
  public func sessionBytes(
    batch: Int = 32, threads: Int = 1, noise: Noise = .midpoint, precision: Precision = .f32
  ) throws(WeirError) -> Int {
    var options = try Session.options(batch: batch, threads: threads, noise: noise, precision: precision)
    var bytes = 0
    try checkEngine("sessionBytes", weir_session_size(handle, &options, &bytes))
    return bytes
  }

  /// The engine's version, "major.minor.patch".
  public static var engineVersion: String { String(cString: weir_version()) }
}

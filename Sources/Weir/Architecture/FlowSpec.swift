/// A flow's architecture: what `Trainer.create` builds, and the "weir" entry of a model file.
///
/// A preset, or a list of steps; <doc:DescribingAFlow> shows both.
/// ```swift
/// let glow = try FlowSpec.glow(shape: [1, 28, 28])
/// let table = FlowSpec(dims: 10) {
///   for reversed in [false, true] { Coupling(.tabular(reversed: reversed), MLP(hidden: 64, layers: 1)) }
/// }
/// print(table.json)   // {"version":1,"input":{"shape":[10],"levels":0}, ...
/// ```
public struct FlowSpec: Sendable, Hashable {
  /// [c, h, w] for images, [dims] for tables and embeddings.
  public var shape: [Int]
  /// 256 for 8-bit images, 0 for continuous data.
  public var levels: Int
  /// The density of the latents.
  public var prior: Prior
  /// The invertible steps, data to latent.
  public var steps: [FlowStep]

  /// An architecture of any steps; the engine checks that they fit together.
  public init(shape: [Int], levels: Int, prior: Prior = .standardNormal, steps: [FlowStep]) {
    self.shape = shape
    self.levels = levels
    self.prior = prior
    self.steps = steps
  }

  /// A flow of images [c, h, w], steps in order, data to latent. 8-bit images begin with ``Dequantize``; `levels: 0` is for maps of
  /// real numbers.
  public init(image shape: [Int], levels: Int = 256, prior: Prior = .standardNormal, @FlowBuilder steps: () -> [FlowStep]) {
    self.init(shape: shape, levels: levels, prior: prior, steps: steps())
  }

  /// A flow of tables or embeddings, rows of `dims` numbers.
  public init(dims: Int, prior: Prior = .standardNormal, @FlowBuilder steps: () -> [FlowStep]) {
    self.init(shape: [dims], levels: 0, prior: prior, steps: steps())
  }

  /// The description on one line of JSON.
  public var json: String {
    JSONText.object([
      ("version", .integer(1)),
      ("input", .object([("shape", .array(shape.map { .integer($0) })), ("levels", .integer(levels))])),
      ("prior", prior.json),
      ("steps", .array(steps.map(\.json))),
    ]).text
  }
}

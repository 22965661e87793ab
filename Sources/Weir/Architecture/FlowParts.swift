/// Integers to numbers in [0, 1): `FlowStep.dequantize`. The first step of 8-bit images.
public struct Dequantize: FlowPart {
  public let steps = [FlowStep.dequantize]
  /// The step.
  public init() {}
}

/// Numbers in [0, 1] to all numbers: `FlowStep.logit`.
public struct Logit: FlowPart {
  public let steps: [FlowStep]
  /// With `margin` as in `FlowStep.logit(margin:)`; 0.9 is the paper's.
  public init(margin: Double = 0.9) { steps = [.logit(margin: margin)] }
}

/// 2x2 space to channels: `FlowStep.squeeze`.
public struct Squeeze: FlowPart {
  public let steps = [FlowStep.squeeze]
  /// The step.
  public init() {}
}

/// Ends part of the channels' way: `FlowStep.factorOut`.
public struct FactorOut: FlowPart {
  public let steps: [FlowStep]
  /// The first `keep` channels go on; the others join the latent.
  public init(keep: Int) { steps = [.factorOut(keep: keep)] }
}

/// Standardisation: `FlowStep.affine`. Write the data's mean and deviation to its tensors, `mean` and `scale`.
public struct Affine: FlowPart {
  public let steps = [FlowStep.affine]
  /// The step.
  public init() {}
}

/// A shift and a scale per channel: `FlowStep.actNorm`.
public struct ActNorm: FlowPart {
  public let steps = [FlowStep.actNorm]
  /// The step.
  public init() {}
}

/// A matrix over the channels: `FlowStep.conv1x1`.
public struct Conv1x1: FlowPart {
  public let steps: [FlowStep]
  /// Not trainable, it stays the random rotation that it begins with.
  public init(trainable: Bool = true) { steps = [.conv1x1(trainable: trainable)] }
}

/// Channels or dimensions in another order: `FlowStep.permute`.
public struct Permute: FlowPart {
  public let steps: [FlowStep]
  /// Number k comes from number `order[k]`.
  public init(_ order: [Int]) { steps = [.permute(order)] }
}

/// Channels or dimensions in reverse order: `FlowStep.reverse`.
public struct Reverse: FlowPart {
  public let steps = [FlowStep.reverse]
  /// The step.
  public init() {}
}

/// A fixed orthogonal matrix over the dimensions of a table: `FlowStep.rotation`. Write it to its tensor, `weight`.
public struct Rotation: FlowPart {
  public let steps = [FlowStep.rotation]
  /// The step.
  public init() {}
}

/// The same steps several times, each with weights of its own.
public struct Repeat: FlowPart {
  public let steps: [FlowStep]
  /// `count` times what the closure lists.
  public init(_ count: Int, @FlowBuilder steps: () -> [FlowStep]) {
    self.steps = Array(repeating: steps(), count: max(count, 0)).flatMap { $0 }
  }
}

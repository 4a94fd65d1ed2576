// Metrics in the text format of Prometheus 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/):
//
//   # HELP name text
//   # TYPE name counter|gauge|histogram
//   name{label="value"} number
//
// All samples of a metric stand together behind its two comment lines: `metric` writes these, the
// samples follow.
public import Bytes

/// Writes metrics as Prometheus reads them.
public struct PrometheusText: ~Copyable {
    /// For the Content-Type field of the response.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What kind of number a metric is.
    public enum Kind: String, Sendable {
        /// Only grows (until a restart); its name ends in `_total`.
        case counter
        /// Goes up and down.
        case gauge
        /// Counts in buckets.
        case histogram
    }

    /// A label of a sample.
    public typealias Label = (name: StaticString, value: String)

    private var text = ByteBuffer(capacity: 4_096)
    private var name = ""

    /// An empty page.
    public init() {}

    /// The page so far.
    public var bytes: ByteSlice { text.readable }

    /// Begins a metric.
    public mutating func metric(_ name: String, _ kind: Kind, help: String) {
        self.name = name
        text.append("# HELP ")
        text.append(text: name)
        text.append(0x20)
        text.append(escaped: help, quotes: false)
        text.append("\n# TYPE ")
        text.append(text: name)
        text.append(0x20)
        text.append(text: kind.rawValue)
        text.append(0x0A)
    }

    /// Adds a sample of the present metric.
    public mutating func sample(_ value: some FixedWidthInteger, _ labels: [Label] = []) {
        head("", labels, nil)
        text.append(decimal: Int64(clamping: value))
        text.append(0x0A)
    }

    /// Adds a sample of the present metric.
    public mutating func sample(_ value: Double, _ labels: [Label] = []) {
        head("", labels, nil)
        text.append(text: PrometheusText.number(value))
        text.append(0x0A)
    }

    /// A metric with one sample and no label.
    public mutating func single(
        _ name: String, _ kind: Kind, help: String, _ value: some FixedWidthInteger
    ) {
        metric(name, kind, help: help)
        sample(value)
    }

    /// A metric with one sample and no label.
    public mutating func single(
        _ name: String, _ kind: Kind, help: String, _ value: Double
    ) {
        metric(name, kind, help: help)
        sample(value)
    }

    /// Adds the buckets, sum and count of a histogram to the present metric. `bounds` are upper
    /// bounds in the histogram's unit, ascending; `divisor` of those make one of the metric's (1e6
    /// microseconds are a second). A quotient is the number closest to what people write, 0.025; a
    /// product with 1e-6, which is no binary fraction, is not.
    public mutating func histogram(
        _ histogram: Histogram, bounds: [Int64], divisor: Double, _ labels: [Label] = []
    ) {
        for bound in bounds {
            head("_bucket", labels, PrometheusText.number(Double(bound) / divisor))
            text.append(decimal: Int64(clamping: histogram.count(upTo: bound)))
            text.append(0x0A)
        }
        head("_bucket", labels, "+Inf")
        text.append(decimal: Int64(clamping: histogram.count))
        text.append(0x0A)
        head("_sum", labels, nil)
        text.append(text: PrometheusText.number(Double(histogram.sum) / divisor))
        text.append(0x0A)
        head("_count", labels, nil)
        text.append(decimal: Int64(clamping: histogram.count))
        text.append(0x0A)
    }

    private mutating func head(_ suffix: StaticString, _ labels: [Label], _ bound: String?) {
        precondition(!name.isEmpty, "a sample belongs to a metric")
        text.append(text: name)
        text.append(suffix)
        if !labels.isEmpty || bound != nil {
            text.append(0x7B)
            var isFirst = true
            for label in labels {
                if !isFirst { text.append(0x2C) }
                isFirst = false
                text.append(label.name)
                text.append("=\"")
                text.append(escaped: label.value, quotes: true)
                text.append(0x22)
            }
            if let bound {
                if !isFirst { text.append(0x2C) }
                text.append("le=\"")
                text.append(text: bound)
                text.append(0x22)
            }
            text.append(0x7D)
        }
        text.append(0x20)
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Whole numbers without a fraction, as counters are read by people.
        return Int64(exactly: value).map(String.init) ?? value.description
    }
}

extension ByteBuffer {
    /// Appends with backslashes before backslashes, line ends and, in label values, quotes.
    fileprivate mutating func append(escaped text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x22 where quotes: append("\\\"")
            default: append(byte)
            }
        }
    }
}

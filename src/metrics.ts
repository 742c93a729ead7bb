import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Metrics of this process. No label contains a user, a project or a row. */
export interface Metrics {
  /** Requests by operation and status. */
  readonly requests: Histogram<'operation' | 'status'>
  readonly eventsDispatched: Counter
  /** From the commit of an event to the start of its handler, first attempts only. */
  readonly eventToRun: Histogram
  /** Attempts by handler and resulting status of the run: `queued` means that it is retried. */
  readonly attempts: Histogram<'handler' | 'status'>
  /** Synchronous calls of functions. */
  readonly invocations: Histogram<'trigger' | 'runtime' | 'status'>
  /** Connections of user code by outcome: `allowed` or `refused`. */
  readonly networkRequests: Counter<'outcome'>
  /** Bytes of allowed connections of user code by direction: `sent` or `received`. */
  readonly networkBytes: Counter<'direction'>
  /** Calls by MCP clients: by built-in tool, or `function`, and whether the result was an error. */
  readonly toolCalls: Counter<'tool' | 'is_error'>
  /** Runs that are queued or running, in the whole database. */
  readonly runs: Gauge<'handler' | 'status'>
  /** Age of the oldest undispatched event. */
  readonly dispatchLag: Gauge
  readonly instances: Gauge
  /** Returns the metrics in the text format of Prometheus. */
  text(): Promise<string>
  readonly contentType: string
}

export function createMetrics(version: string): Metrics {
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })
  new Gauge({ name: 'zerodb_build_info', help: 'Always 1', labelNames: ['version'], registers }).set({ version }, 1)
  return {
    requests: new Histogram({
      name: 'zerodb_http_request_duration_seconds',
      help: 'Requests, from the first byte of the question to the last of the answer',
      labelNames: ['operation', 'status'],
      buckets: SECONDS,
      registers,
    }),
    eventsDispatched: new Counter({
      name: 'zerodb_events_dispatched_total',
      help: 'Events that this process has matched with hooks',
      registers,
    }),
    eventToRun: new Histogram({
      name: 'zerodb_event_to_run_seconds',
      help: 'From the commit of an event to the start of its handler in this process, first attempts',
      buckets: SECONDS,
      registers,
    }),
    attempts: new Histogram({
      name: 'zerodb_run_duration_seconds',
      help: 'Attempts of this process by what became of the run; queued: it is to be tried again',
      labelNames: ['handler', 'status'],
      buckets: SECONDS,
      registers,
    }),
    invocations: new Histogram({
      name: 'zerodb_function_call_duration_seconds',
      help: 'Calls of functions whose callers wait, in this process',
      labelNames: ['trigger', 'runtime', 'status'],
      buckets: SECONDS,
      registers,
    }),
    networkRequests: new Counter({
      name: 'zerodb_function_network_requests_total',
      help: 'Connections that user code opened or tried to open, in this process',
      labelNames: ['outcome'],
      registers,
    }),
    networkBytes: new Counter({
      name: 'zerodb_function_network_bytes_total',
      help: 'Bytes that user code sent and received over connections, in this process',
      labelNames: ['direction'],
      registers,
    }),
    toolCalls: new Counter({
      name: 'zerodb_mcp_tool_calls_total',
      help: 'Calls of tools by MCP clients of this process',
      labelNames: ['tool', 'is_error'],
      registers,
    }),
    runs: new Gauge({
      name: 'zerodb_runs',
      help: 'Runs of all processes that are queued or running',
      labelNames: ['handler', 'status'],
      registers,
    }),
    dispatchLag: new Gauge({
      name: 'zerodb_dispatch_lag_seconds',
      help: 'Age of the oldest event that no process has matched with hooks',
      registers,
    }),
    instances: new Gauge({ name: 'zerodb_instances', help: 'Processes that share the database', registers }),
    text: () => register.metrics(),
    contentType: register.contentType,
  }
}

// headwater-node: a data node. See `headwater-node --help`.

import NodeServer

NodeProgram.runAndExit()

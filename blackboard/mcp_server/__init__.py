"""The MCP server: eight tools, three resources and two prompts for models, by the Model Context Protocol.

It uses a board of this machine, or a client of one behind a server. Its library, the SDK, comes with the extra `mcp`;
only `sdk_server` and `stdio_transport` import it. `blackboard mcp` serves it on stdin and stdout, and `blackboard
serve` under `/mcp`.

board_access           a board with the rights of one caller
tool_arguments         the arguments of each tool
read_tools             the tools that read: find, explain, agenda, query
write_tools            the tools that write: deposit, answer, claim, finish
tool_table             the table of the tools, and their definitions
tool_errors            errors as a model can act on them
resources_and_prompts  the resources, and the prompts
sdk_server             the tools, resources and prompts as a server of the SDK
channel_events         notices to a session of a coding agent that work waits
stdio_transport        the MCP server on stdin and stdout of a process
"""

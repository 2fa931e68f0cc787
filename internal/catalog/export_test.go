package catalog

// Signature is what names a function without asking the server.
var Signature = signature

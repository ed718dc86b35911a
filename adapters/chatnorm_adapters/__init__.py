"""The built-in adapters, one schema a module. They are found through entry points, as any plugin is."""

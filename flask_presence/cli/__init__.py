"""The commands of any application with presence: `flask presence init`, `list`, `top`, `doctor`."""

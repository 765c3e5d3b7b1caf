-- The arguments come as pairs of name and value; what does not apply is left out.
local a = {}
for i = 1, #ARGV, 2 do
  a[ARGV[i]] = ARGV[i + 1]
end
